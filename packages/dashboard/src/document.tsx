import { renderToString } from 'preact-render-to-string';
import type { PageData } from './model/snapshot.ts';
import { initialLookUp, Page } from './view/page.tsx';

/** The URLs of the script and style sheet. */
export interface PageAssets {
  readonly script: string;
  readonly style: string;
}

/**
 * The whole page as HTML. It is readable without scripts, and has no inline scripts or styles, so that a
 * Content-Security-Policy may forbid both. All data from outside is escaped.
 */
export function renderPage(data: PageData, assets: PageAssets): string {
  const { snapshot, metrics, query, origin } = data;
  const page = (
    <Page
      {...{ snapshot, metrics, query, origin }}
      lookUp={initialLookUp(data)}
      connection="still"
      clock={{ now: snapshot.now, zone: 'UTC' }}
    />
  );
  return [
    '<!doctype html><html lang="en">',
    renderToString(<Head {...assets} />),
    `<body><div id="root">${renderToString(page)}</div>`,
    `<script type="application/json" id="data">${scriptData(data)}</script></body></html>`,
  ].join('');
}

function Head({ script, style }: PageAssets) {
  return (
    <head>
      <meta charSet="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>OpenRouter gateway</title>
      <link rel="icon" href={ICON} />
      <link rel="stylesheet" href={style} />
      <script type="module" src={script} />
    </head>
  );
}

/** JSON that cannot end the element it stands in (WHATWG HTML, "Restrictions for contents of script elements"). */
function scriptData(data: PageData): string {
  return JSON.stringify(data).replaceAll('<', '\\u003c');
}

const ICON =
  'data:image/svg+xml,' +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#4f6bed" stroke-width="3" stroke-linecap="round"><path d="M2 12h6M16 5h6M16 19h6M8 12c5 0 3-7 8-7M8 12c5 0 3 7 8 7"/></svg>',
  );
