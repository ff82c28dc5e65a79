import type { RequestView } from '@openrouter-proxy/kms-protocol';
import type { ComponentChildren } from 'preact';
import { useContext, useLayoutEffect, useRef } from 'preact/hooks';
import { formatDuration } from '../../model/instant.ts';
import { formatCost, formatCount } from '../../model/number.ts';
import type { Explanation } from '../../model/snapshot.ts';
import { InstantAndDistance } from '../elements/clock.tsx';
import { RequestLink, ShowRequest, type LookUp } from './look-up.tsx';
import { Fact } from '../elements/panel.tsx';
import { EndingLabel } from './requests.tsx';
import { Steps } from './steps.tsx';

/** The side sheet with the timeline of one request. */
export function RequestSheet({ lookUp }: { readonly lookUp: LookUp }) {
  switch (lookUp.kind) {
    case 'none':
      return null;
    case 'loading':
      return (
        <Sheet requestId={lookUp.requestId}>
          <p class="muted">Looking it up …</p>
        </Sheet>
      );
    case 'failed':
      return (
        <Sheet requestId={lookUp.requestId}>
          <p class="notice">It could not be looked up: {lookUp.why}.</p>
        </Sheet>
      );
    case 'found':
      return (
        <Sheet requestId={lookUp.explanation.request?.requestId ?? lookUp.explanation.requestId}>
          <Findings explanation={lookUp.explanation} />
        </Sheet>
      );
  }
}

interface SheetProps {
  readonly requestId: string;
  readonly children: ComponentChildren;
}

function Sheet({ requestId, children }: SheetProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const show = useContext(ShowRequest);
  // Takes the focus before the sheet is painted, so that it receives the next key press.
  useLayoutEffect(() => {
    const before = document.activeElement;
    return () => before instanceof HTMLElement && before.focus();
  }, []);
  useLayoutEffect(() => heading.current?.focus(), [requestId]);
  useLayoutEffect(() => {
    const close = (event: KeyboardEvent) => {
      if (event.key === 'Escape') show?.(null);
    };
    addEventListener('keydown', close); // wherever the focus is
    return () => removeEventListener('keydown', close);
  }, [show]);
  return (
    <aside class="sheet" aria-labelledby="sheet-title">
      <header class="sheet-head">
        <h2 id="sheet-title" tabIndex={-1} ref={heading}>
          Request <code>{requestId}</code>
        </h2>
        <RequestLink requestId={null} class="close">
          Close
        </RequestLink>
      </header>
      {children}
    </aside>
  );
}

interface FindingsProps {
  readonly explanation: Explanation;
}

function Findings({ explanation: { story, request, isAnswered } }: FindingsProps) {
  if (!isAnswered) {
    return <p class="notice">The key service, which remembers requests, does not answer.</p>;
  }
  if (!request && story.length === 0) {
    return <p class="notice">It is not remembered: perhaps too old, perhaps never seen here.</p>;
  }
  return (
    <>
      <ol class="story">
        {story.map((sentence, index) => (
          <li key={index}>{sentence}</li>
        ))}
      </ol>
      {request ? <RequestFacts request={request} /> : null}
      {request ? <Steps steps={request.steps} /> : null}
    </>
  );
}

function RequestFacts({ request }: { readonly request: RequestView }) {
  const { end } = request;
  return (
    <dl class="rows">
      <Fact term="Ended">
        <EndingLabel request={request} /> {end?.status ?? ''}
      </Fact>
      <Fact term="Began">
        <InstantAndDistance at={request.at} />
      </Fact>
      <Fact term="Model">{request.model ?? '–'}</Fact>
      <Fact term="Client">{request.client ?? '–'}</Fact>
      <Fact term="API">{request.api}</Fact>
      {end ? <EndFacts end={end} /> : null}
    </dl>
  );
}

function EndFacts({ end }: { readonly end: NonNullable<RequestView['end']> }) {
  const { usage, generationId, firstContentMs } = end;
  return (
    <>
      <Fact term="Waited for a key">{formatDuration(end.queuedMs)}</Fact>
      {firstContentMs === null ? null : (
        <Fact term="First content after">{formatDuration(firstContentMs)}</Fact>
      )}
      <Fact term="Total">{formatDuration(end.totalMs)}</Fact>
      {usage ? (
        <Fact term="Tokens">
          {formatCount(usage.sent)} sent ({formatCount(usage.cached)} cached),{' '}
          {formatCount(usage.received)} received ({formatCount(usage.reasoning)} reasoning)
        </Fact>
      ) : null}
      {usage ? <Fact term="Cost">{formatCost(usage.cost)}</Fact> : null}
      {generationId === null ? null : (
        <Fact term="Generation">
          <code>{generationId}</code>
        </Fact>
      )}
    </>
  );
}
