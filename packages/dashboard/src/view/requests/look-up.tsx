import { createContext, type ComponentChildren, type JSX } from 'preact';
import { useContext } from 'preact/hooks';
import type { Explanation } from '../../model/snapshot.ts';
import { requestAddress, viewAddress, viewParameters } from '../../model/view-query.ts';
import { View } from '../elements/view-context.tsx';

/** The request in the side sheet. */
export type LookUp =
  | { readonly kind: 'none' }
  | { readonly kind: 'loading'; readonly requestId: string }
  | { readonly kind: 'found'; readonly explanation: Explanation }
  | { readonly kind: 'failed'; readonly requestId: string; readonly why: string };

/** Shows a request, or none; null without scripts, where links do it. */
export const ShowRequest = createContext<((requestId: string | null) => void) | null>(null);

/** Whether a click opens the link elsewhere: a new tab, a download. */
function asksForMore(event: MouseEvent): boolean {
  return event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
}

interface RequestLinkProps {
  /** Null leads back to the page without a request. */
  readonly requestId: string | null;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** A link that shows a request, without a page load if scripts run. */
export function RequestLink({ requestId, class: name, children }: RequestLinkProps) {
  const show = useContext(ShowRequest);
  const query = useContext(View);
  const follow = (event: MouseEvent) => {
    if (!show || asksForMore(event)) return;
    event.preventDefault();
    show(requestId);
  };
  return (
    <a
      {...(name === undefined ? {} : { class: name })}
      href={requestId === null ? viewAddress(query) : requestAddress(query, requestId)}
      onClick={follow}
    >
      {children}
    </a>
  );
}

/** Search for a request by its id; a plain form without scripts. */
export function RequestSearch({ requestId }: { readonly requestId: string }) {
  const show = useContext(ShowRequest);
  const query = useContext(View);
  const search = (event: JSX.TargetedEvent<HTMLFormElement>) => {
    const entry = new FormData(event.currentTarget).get('request');
    if (!show || typeof entry !== 'string' || entry.trim() === '') return;
    event.preventDefault();
    show(entry.trim());
  };
  return (
    <form class="search" role="search" method="get" action="/metrics" onSubmit={search}>
      {[...viewParameters(query)].map(([name, value]) => (
        <input key={name} type="hidden" name={name} value={value} />
      ))}
      <label for="request-id">Request id</label>
      <input
        id="request-id"
        name="request"
        type="search"
        required
        maxLength={128}
        autocomplete="off"
        spellcheck={false}
        defaultValue={requestId}
      />
      <button type="submit">Look up</button>
    </form>
  );
}
