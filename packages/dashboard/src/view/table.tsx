import type { ComponentChildren } from 'preact';

/** A column's heading; numbers stand to the right. */
export interface Column {
  readonly title: string;
  readonly numeric?: boolean;
}

interface TableProps {
  /** What the table shows, for those who hear it. */
  readonly label: string;
  readonly columns: readonly Column[];
  readonly children: ComponentChildren;
}

/** A table that scrolls within itself where the screen is too narrow for it. */
export function Table({ label, columns, children }: TableProps) {
  return (
    <div class="scroll" role="region" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map(({ title, numeric }) => (
              <th key={title} scope="col" {...(numeric ? { class: 'number' } : {})}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

/** A cell with a number. */
export function NumberCell({ children }: { readonly children: ComponentChildren }) {
  return <td class="number">{children}</td>;
}
