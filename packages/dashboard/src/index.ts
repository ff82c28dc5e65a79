export { readAssets, type Asset, type Assets } from './asset.ts';
export { renderPage, type PageAssets } from './document.tsx';
export {
  type CacheState,
  type Explanation,
  type PageData,
  type ProcessLoad,
  type Snapshot,
  type SystemLoad,
} from './model/snapshot.ts';
export { DEFAULT_VIEW, parseViewQuery, RANGES, type ViewQuery } from './model/view-query.ts';
