import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { Explanation, PageData } from '../model/snapshot.ts';
import type { LookUp } from '../view/requests/look-up.tsx';
import { initialLookUp } from '../view/page.tsx';
import { isOver } from '../model/request-summary.ts';
import { requestAddress, viewAddress } from '../model/view-query.ts';

const PATIENCE_MS = 10_000;
/** How often a request is looked up again while more may be told of it. */
const AGAIN_AFTER_MS = 1_000;

/** The request that is shown, and what shows another one; the address bar says which it is. */
export function useRequestLookUp(initial: PageData) {
  const [lookUp, setLookUp] = useState<LookUp>(() => initialLookUp(initial));
  const current = useRef<AbortController | null>(null);
  const shown = useRef(initial.explanation?.requestId ?? null);
  const look = useCallback((requestId: string | null) => {
    current.current?.abort();
    shown.current = requestId;
    if (requestId === null) {
      setLookUp({ kind: 'none' });
      return;
    }
    const controller = new AbortController();
    current.current = controller;
    setLookUp({ kind: 'loading', requestId });
    void explain(requestId, controller.signal).then((found) => {
      if (!controller.signal.aborted) setLookUp(found);
    });
  }, []);
  useRepetition(lookUp, setLookUp);
  const show = useCallback((requestId: string | null) => {
    const address =
      requestId === null ? viewAddress(initial.query) : requestAddress(initial.query, requestId);
    history.pushState(null, '', address);
    look(requestId);
  }, []);
  useEffect(() => {
    const goBack = () => {
      const asked = new URLSearchParams(location.search).get('request');
      if (asked !== shown.current) look(asked); // a jump to a panel keeps what is shown
    };
    addEventListener('popstate', goBack);
    return () => removeEventListener('popstate', goBack);
  }, []);
  return { lookUp, show };
}

/** Looks a request up again every second while more may be told of it. */
function useRepetition(lookUp: LookUp, onFound: (found: LookUp) => void): void {
  useEffect(() => {
    const requestId = unfinished(lookUp);
    if (requestId === null) return;
    const controller = new AbortController();
    const timer = setTimeout(() => {
      void explain(requestId, controller.signal).then((found) => {
        if (!controller.signal.aborted) onFound(found);
      });
    }, AGAIN_AFTER_MS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [lookUp]);
}

/** The request that is to be looked up again: it has not ended, or could not be looked up. */
function unfinished(lookUp: LookUp): string | null {
  if (lookUp.kind === 'failed') return lookUp.requestId;
  if (lookUp.kind !== 'found') return null;
  const { requestId, request } = lookUp.explanation;
  return request !== null && isOver(request) ? null : requestId;
}

/** Asks the gateway what became of a request. It never rejects: what went wrong is an answer too. */
async function explain(requestId: string, signal: AbortSignal): Promise<LookUp> {
  try {
    const answer = await fetch(
      `/metrics/request?id=${encodeURIComponent(requestId.toWellFormed())}`,
      {
        headers: { accept: 'application/json' },
        signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
      },
    );
    if (!answer.ok) return { kind: 'failed', requestId, why: `the gateway said ${answer.status}` };
    return { kind: 'found', explanation: (await answer.json()) as Explanation };
  } catch (error) {
    return { kind: 'failed', requestId, why: error instanceof Error ? error.message : 'no answer' };
  }
}
