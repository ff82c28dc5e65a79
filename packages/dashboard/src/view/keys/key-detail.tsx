import type { Cause, KeySpan, KeyView } from '@openrouter-proxy/kms-protocol';
import { standingOf } from '@openrouter-proxy/kms-protocol/key-standing';
import { limitSubject, reasonInWords, sourceInWords } from '@openrouter-proxy/kms-protocol/words';
import { STANDING_LABEL } from '../../model/key-status.ts';
import { formatCost, formatCount } from '../../model/number.ts';
import { Countdown, Instant, InstantAndDistance } from '../elements/clock.tsx';
import { Fact } from '../elements/panel.tsx';
import { StatusMark } from '../elements/status-mark.tsx';

interface KeyDetailProps {
  readonly view: KeyView;
  readonly spans: readonly KeySpan[];
}

/** All details of a key. */
export function KeyDetail({ view, spans }: KeyDetailProps) {
  const { state, unexplainedCost } = view;
  return (
    <div class="key-detail">
      {unexplainedCost === null ? null : (
        <p class="notice">{formatCost(unexplainedCost)} was spent outside this gateway today.</p>
      )}
      <div class="key-groups">
        <dl class="rows">
          <Fact term={`${STANDING_LABEL[standingOf(view)]} since`}>
            <InstantAndDistance at={standingSince(view)} />
          </Fact>
          {state.kind === 'cooling' ? (
            <Fact term="Cools">
              <Countdown until={state.until} />
            </Fact>
          ) : null}
          {state.kind === 'available' ? null : <CauseFacts cause={state.cause} />}
          <Limits view={view} />
        </dl>
        <dl class="rows">
          <Today today={view.today} />
          <Holdings view={view} />
        </dl>
        <History spans={spans} />
      </div>
    </div>
  );
}

/** The start of the key's current status. */
function standingSince(view: KeyView): number {
  const { check, upstream, statusSince } = view;
  const standing = standingOf(view);
  if (standing === 'refused') return check?.since ?? statusSince;
  return standing === 'unreachable' ? (upstream?.since ?? statusSince) : statusSince;
}

function CauseFacts({ cause }: { readonly cause: Cause }) {
  return (
    <>
      <Fact term="Reason">{reasonInWords(cause.reason)}</Fact>
      <Fact term="Known from">{sourceInWords(cause.source)}</Fact>
      {cause.detail === '' ? null : (
        <Fact term="Evidence">
          <q class="evidence">{cause.detail}</q>
        </Fact>
      )}
    </>
  );
}

function Holdings({ view }: { readonly view: KeyView }) {
  return (
    <>
      <Fact term="Key id">
        <code>{view.keyId}</code>
      </Fact>
      <Fact term="Account">{view.account}</Fact>
      {view.limitRemaining === null ? null : (
        <Fact term="Left under its cap">{formatCost(view.limitRemaining)}</Fact>
      )}
      {view.expiresAt === null ? null : (
        <Fact term="Key ends">
          <InstantAndDistance at={view.expiresAt} />
        </Fact>
      )}
    </>
  );
}

function Today({ today }: Pick<KeyView, 'today'>) {
  return (
    <>
      <Fact term="Attempts today">
        {formatCount(today.answered)} answered, {formatCount(today.failed)} failed
        {today.unknown > 0 ? `, ${formatCount(today.unknown)} of unknown use` : ''}
      </Fact>
      <Fact term="Tokens today">
        {formatCount(today.sent)} sent ({formatCount(today.cached)} cached),{' '}
        {formatCount(today.received)} received ({formatCount(today.reasoning)} reasoning)
      </Fact>
    </>
  );
}

function Limits({ view: { limits } }: { readonly view: KeyView }) {
  return (
    <>
      {limits.map((limit) => (
        <Fact
          key={`${limit.scope} ${limit.pool} ${limit.model ?? ''} ${limit.since}`}
          term={`Limited: ${reasonInWords(limit.cause.reason)}`}
        >
          <strong>{limitSubject(limit)}</strong> <Countdown until={limit.until} />
          <span class="muted"> ({sourceInWords(limit.cause.source)})</span>
          {limit.cause.detail === '' ? null : <q class="evidence">{limit.cause.detail}</q>}
        </Fact>
      ))}
    </>
  );
}

/** Maximum number of listed changes; the timeline shows all. */
const LATEST = 6;

function History({ spans }: { readonly spans: readonly KeySpan[] }) {
  if (spans.length < 2) return null;
  return (
    <div class="history">
      <h3>Latest changes</h3>
      <ol>
        {spans
          .slice(-LATEST)
          .toReversed()
          .map(({ kind, from, to, why }) => (
            <li key={from}>
              <StatusMark standing={kind} />
              <span>
                {STANDING_LABEL[kind]} <Instant at={from} /> –{' '}
                {to === null ? 'now' : <Instant at={to} />}
                {why === '' ? null : <span class="muted block">{why}</span>}
              </span>
            </li>
          ))}
      </ol>
    </div>
  );
}
