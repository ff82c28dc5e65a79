import { createContext } from 'preact';
import { DEFAULT_VIEW, type ViewQuery } from '../../model/view-query.ts';

/** What the page's address asks for, for every link that keeps it. */
export const View = createContext<ViewQuery>(DEFAULT_VIEW);

/** Whether a script runs: what needs one is shown then only. */
export const IsLive = createContext(false);
