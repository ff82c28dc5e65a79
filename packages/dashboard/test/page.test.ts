import { HOSTILE_TEXT } from '@openrouter-proxy/fake-openrouter';
import { describe, expect, it } from 'vitest';
import { CLIENTS } from '../src/clients/clients.ts';
import { gatewayAddresses } from '../src/clients/settings.ts';
import { renderPage, type PageData } from '../src/index.ts';
import { emptyPage, samplePage, type Words } from './fixtures/sample.ts';

const assets = { script: '/metrics/assets/main-1.js', style: '/metrics/assets/page-1.css' };
const render = (data: PageData) => renderPage(data, assets);

const DATA = /<script type="application\/json" id="data">(.*?)<\/script>/s;

/** What the browser's script starts from. */
function embedded(html: string): unknown {
  return JSON.parse(DATA.exec(html)?.[1] ?? 'null');
}

/** The text that a reader sees, without the data. */
function textOf(html: string): string {
  return html.replace(DATA, '').replaceAll(/<(?:"[^"]*"|'[^']*'|[^"'>])*>/g, ' ');
}

/** Every tag with the names of its attributes, as an HTML parser would find them. */
function skeletonOf(html: string): string[] {
  const tags = html.replace(DATA, '').match(/<(?:"[^"]*"|'[^']*'|[^"'>])*>/g) ?? [];
  return tags.map((tag) => tag.replaceAll(/"[^"]*"/g, '""'));
}

const html = render(samplePage());
const text = textOf(html);

describe('the page without a script', () => {
  it('is a whole document', () => {
    expect(html).toMatch(/^<!doctype html><html lang="en"><head>.*<\/body><\/html>$/s);
  });

  it.each([
    ['why it is degraded', '2 of 5 keys are cooling'],
    ['when a key is back', 'until'],
    ['how long that is', '3 m 12 s'],
    ['at what time that is', '14:05:12'],
    ['what was spent elsewhere', '$0.42 was spent outside this gateway today'],
    ['how much is used of a quota', '1,000'],
    ['when a quota runs out', 'at this rate used up'],
    ['what a model used', '2.6M'],
    ['every metric', 'gateway_first_content_seconds_bucket'],
    ['what became of a request', 'The second key answered after the first one was refused.'],
  ])('says %s', (_, words) => {
    expect(text).toContain(words);
  });

  it('finds requests with a plain form', () => {
    expect(html).toMatch(/<form [^>]*method="get" action="\/metrics"/);
    expect(html).toMatch(/<input [^>]*name="request"/);
  });

  it('holds no script, style or handler that a Content-Security-Policy would have to allow', () => {
    const skeleton = skeletonOf(html).join('\n');
    expect(skeleton).not.toMatch(/\sstyle=|\son\w+=|<style/);
    expect(skeleton.match(/<script/g)).toHaveLength(1);
    expect(html).toContain('<script type="module" src="/metrics/assets/main-1.js"></script>');
    expect(html).toContain('<link rel="stylesheet" href="/metrics/assets/page-1.css"/>');
  });

  it('carries the data that the browser goes on from', () => {
    expect(embedded(html)).toEqual(samplePage());
  });
});

describe('a gateway that was started just now', () => {
  it('shows what there is not', () => {
    const text = textOf(render(emptyPage()));
    expect(text).toContain('No keys are known.');
    expect(text).not.toMatch(/NaN|Infinity|undefined|null/);
  });

  it('says so when the key service does not answer', () => {
    const page = samplePage();
    const text = textOf(render({ ...page, snapshot: { ...page.snapshot, status: null } }));
    expect(text).toContain('The key service does not answer');
    expect(text).toContain('Degraded');
  });
});

it('is well when nothing speaks against it', () => {
  const page = samplePage();
  const health = { level: 'ok', causes: [] } as const;
  const text = textOf(render({ ...page, snapshot: { ...page.snapshot, health } }));
  expect(text).toContain('Serving normally');
});

describe('keys', () => {
  function withKeys(count: number, troubled: number): string {
    const { snapshot, ...page } = samplePage();
    const keys = Array.from({ length: count }, (_, index) => ({
      ...snapshot.keys[index < troubled ? 1 : 0],
      keyId: index.toString(16).padStart(12, '0'),
    })) as PageData['snapshot']['keys'];
    return render({ ...page, snapshot: { ...snapshot, keys, keysTotal: 900 } });
  }

  it('are one line each, with the reason of a limit, until somebody unfolds one', () => {
    expect(html).not.toMatch(/<details class="key" open/);
    const lines = [...html.matchAll(/<details class="key">\s*<summary>(.*?)<\/summary>/gs)];
    const line = lines
      .map(([, summary = '']) => textOf(summary))
      .find((each) => each.includes('Limited'));
    expect(line).toMatch(/meta-llama.*: rate limited,\s+for\s+3 m 12 s\s*, until\s+14:05:12/);
  });

  it('that need attention come first where there are many, and only twelve of them', () => {
    const text = textOf(withKeys(40, 20));
    expect(text).toContain('8 keys   more need attention'.replaceAll('   ', ' '));
    expect(text).toContain('20 keys serve without limits');
    expect(text).toContain('The first 40 of 900');
  });
});

describe('the address', () => {
  it('is kept by every link that shows something else', () => {
    const { query, ...page } = samplePage();
    const found = render({ ...page, query: { ...query, range: '6h', outcome: 'failed' } });
    expect(found).toContain('range=6h&amp;outcome=failed');
    expect(found).toMatch(/<option[^>]* selected[^>]* value="failed"|value="failed"[^>]* selected/);
    expect(found).toContain('<input type="hidden" name="range" value="6h"/>');
    expect(found).toMatch(/aria-current="true"[^>]*>6 h</);
    expect(found).toMatch(/before=4711#requests"[^>]*>Older</);
  });
});

describe('a client', () => {
  it.each(CLIENTS.map(({ name }) => name))(
    '%s is told the gateway’s address, and no key',
    (name) => {
      const origin = 'https://gateway.example:8443';
      const client = CLIENTS.find((each) => each.name === name);
      const settings = JSON.stringify(client?.settings(gatewayAddresses(origin)));
      expect(settings).toContain(origin);
      expect(`${settings} ${client?.note ?? ''}`).toMatch(/KEY/);
      expect(client?.short(gatewayAddresses(origin))).not.toBe('');
    },
  );

  it('is connected in a panel, and by a welcome until the first request', () => {
    expect(text).toContain('http://127.0.0.1:5555/api/v1');
    expect(text).not.toContain('Welcome');
    const page = emptyPage();
    const { status } = samplePage().snapshot;
    const fresh = render({ ...page, snapshot: { ...page.snapshot, status } });
    expect(textOf(fresh)).toMatch(/Welcome.*No request has come yet/s);
    expect(fresh).not.toContain('class="chart"');
    const filtered = { ...page, query: { ...page.query, model: 'a/b' } };
    expect(render({ ...filtered, snapshot: { ...page.snapshot, status } })).not.toContain(
      'Welcome',
    );
  });
});

it('names one time zone, once', () => {
  expect(text.match(/UTC/g)).toHaveLength(1);
});

it('shows no name of the protocol where there are words', () => {
  const codes =
    /\b(rate_limited|provider_limited|provider_failed|keys_limited|client_abort|embedded)\b/;
  expect(text).not.toMatch(codes);
});

describe('words from outside', () => {
  const harmless = skeletonOf(render(samplePage(wordsOf('harmless'))));

  function wordsOf(word: string): Words {
    return {
      keyName: word,
      account: word,
      detail: word,
      model: word,
      client: word,
      requestId: word,
      why: word,
      story: word,
      reason: word,
      generationId: word,
      label: word,
      version: word,
    };
  }

  it.each(HOSTILE_TEXT)('stay text: %s', (word) => {
    const page = samplePage(wordsOf(word));
    const html = render(page);
    expect(skeletonOf(html)).toEqual(harmless);
    expect(embedded(html)).toEqual(page);
  });

  it('cannot lead anywhere else than to the page', () => {
    for (const word of HOSTILE_TEXT) {
      const html = render(samplePage(wordsOf(word)));
      const targets = [...html.replace(DATA, '').matchAll(/<a [^>]*?href="([^"]*)"/g)];
      for (const [, target] of targets) expect(target).toMatch(/^(\/metrics([?/#]|$)|#[a-z]+$)/);
    }
  });
});
