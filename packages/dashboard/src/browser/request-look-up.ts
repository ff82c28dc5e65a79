import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { Explanation, PageData } from '../model/snapshot.ts';
import type { LookUp } from '../view/requests/look-up.tsx';
import { initialLookUp } from '../view/page.tsx';
import { isOver } from '../model/request-summary.ts';
import { requestAddress, viewAddress } from '../model/view-query.ts';

const PATIENCE_MS = 10_000;
/** Polling interval for a request that has not ended. */
const AGAIN_AFTER_MS = 1_000;

/** The shown request, and a function to show another; the address bar holds its id. */
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

/** Polls a request every second until it has ended. */
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

/** A request to poll: it has not ended, or the look-up failed. */
function unfinished(lookUp: LookUp): string | null {
  if (lookUp.kind === 'failed') return lookUp.requestId;
  if (lookUp.kind !== 'found') return null;
  const { requestId, request } = lookUp.explanation;
  return request !== null && isOver(request) ? null : requestId;
}

/** Gets a request's timeline from the gateway. It never rejects: an error is part of the result. */
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
