import { createContext } from 'preact';
import { DEFAULT_VIEW, type ViewQuery } from '../../model/view-query.ts';

/** The view query of the page, for links that keep it. */
export const View = createContext<ViewQuery>(DEFAULT_VIEW);

/** Whether scripts run; components that need one are hidden otherwise. */
export const IsLive = createContext(false);
