import { useContext, useEffect, useRef, useState } from 'preact/hooks';
import { IsLive } from './view-context.tsx';

const SHOWN_MS = 2_000;

interface CopyableTextProps {
  readonly text: string;
  /** The label for screen readers. */
  readonly label: string;
}

/** Text with a copy button, if scripts run. */
export function CopyableText({ text, label }: CopyableTextProps) {
  const isLive = useContext(IsLive);
  const code = useRef<HTMLElement>(null);
  return (
    <span class="copyable">
      <code ref={code}>{text}</code>
      {isLive ? (
        <CopyButton text={text} label={label} selectInstead={() => select(code.current)} />
      ) : null}
    </span>
  );
}

interface CopyButtonProps extends CopyableTextProps {
  /** For pages over plain HTTP from another machine, where scripts cannot use the clipboard. */
  readonly selectInstead: () => void;
}

function CopyButton({ text, label, selectInstead }: CopyButtonProps) {
  const [outcome, setOutcome] = useState<'none' | 'copied' | 'selected'>('none');
  useEffect(() => {
    if (outcome === 'none') return;
    const timer = setTimeout(() => setOutcome('none'), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = () => {
    void copied(text).then((isCopied) => {
      if (!isCopied) selectInstead();
      setOutcome(isCopied ? 'copied' : 'selected');
    });
  };
  const word = { none: 'Copy', copied: 'Copied', selected: 'Press Ctrl+C' }[outcome];
  return (
    <>
      <button type="button" class="copy" aria-label={`${word}: ${label}`} onClick={copy}>
        {word}
      </button>
      <span class="unseen" role="status">
        {{ none: '', copied: 'Copied', selected: 'Selected: press Ctrl+C' }[outcome]}
      </span>
    </>
  );
}

/** Whether the text is on the clipboard now. Scripts may write there in secure contexts only (W3C Clipboard API). */
async function copied(text: string): Promise<boolean> {
  if (!isSecureContext) return false;
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // the person, or the browser's policy, does not allow it
  }
}

function select(element: HTMLElement | null): void {
  if (element) getSelection()?.selectAllChildren(element);
}
