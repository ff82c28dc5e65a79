import type { ComponentChildren } from 'preact';

interface PanelProps {
  /** The anchor, and the id of the heading. */
  readonly id: string;
  readonly title: string;
  /** A few words beside the title. */
  readonly note?: ComponentChildren;
  /** Content at the end of the title line. */
  readonly side?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** A section of the page with a heading. */
export function Panel({ id, title, note, side, children }: PanelProps) {
  return (
    <section class="panel" id={id} aria-labelledby={`${id}-title`}>
      <header class="panel-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {note ? <p class="muted">{note}</p> : null}
        {side ? <div class="panel-side">{side}</div> : null}
      </header>
      {children}
    </section>
  );
}

interface FactProps {
  readonly term: string;
  readonly children: ComponentChildren;
}

/** A term with what it stands for, within a `<dl>`. */
export function Fact({ term, children }: FactProps) {
  return (
    <div class="fact">
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  );
}
