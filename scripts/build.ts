/**
 * `node scripts/build.ts [FOLDER]`: bundles the four programs and the dashboard's browser part into
 * `dist/`, libraries included, so that a start reads a few files instead of hundreds. Types are
 * checked elsewhere (`npm run check`).
 */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';
import { licensesOf } from './build/licenses.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const DIST = path.join(ROOT, 'dist');

/** The file in `dist/` of each program, and its source. The last is a thread of the gateway. */
const PROGRAMS = {
  launcher: 'packages/launcher/src/main.ts',
  kms: 'packages/kms/src/main.ts',
  gateway: 'packages/gateway/src/main.ts',
  cli: 'packages/cli/src/main.ts',
  'token-counter': 'packages/gateway/src/token-count/worker.ts',
};

/** Libraries in CommonJS call `require` for Node's own modules; an ES module has none. */
const REQUIRE =
  "import { createRequire as createRequireOfBundle } from 'node:module';" +
  'const require = createRequireOfBundle(import.meta.url);';

const PROGRAM_OPTIONS: BuildOptions = {
  entryPoints: PROGRAMS,
  bundle: true,
  splitting: true, // what two programs share, and what is imported on demand, is a file of its own
  format: 'esm',
  platform: 'node',
  target: 'node24',
  banner: { js: REQUIRE },
  chunkNames: '[name]-[hash]',
};

/** File names carry a hash of their content, so that a browser may keep them for ever. */
const PAGE_OPTIONS: BuildOptions = {
  entryPoints: ['packages/dashboard/src/browser/main.tsx', 'packages/dashboard/src/style/page.css'],
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  entryNames: '[name]-[hash]',
};

/** The bundler: its native build where npm installed it (development), else the portable one. */
async function loadBundler(): Promise<typeof import('esbuild')> {
  try {
    const native = await import('esbuild');
    await native.transform('');
    return native;
  } catch {
    return await import('esbuild-wasm');
  }
}

/**
 * Imports Node's modules without their ES facades. A facade reads every property of its module once, lazy
 * ones included: that of `node:http` loads all of undici, a quarter of the time that a short command takes.
 */
const builtinsWithoutFacade: Plugin = {
  name: 'builtins-without-facade',
  setup(build) {
    build.onResolve({ filter: /^(?:node:)?[a-z_/]+$/ }, ({ path: name, kind }) =>
      isBuiltin(name) && kind !== 'require-call'
        ? { path: name, namespace: 'builtin', sideEffects: false }
        : undefined,
    );
    build.onLoad({ filter: /./, namespace: 'builtin' }, ({ path: name }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(name)});`,
    }));
  },
};

/** Leaves out what express offers and the gateway does not use: it forwards bodies as they come. */
const withoutBodyParser: Plugin = {
  name: 'without-body-parser',
  setup(build) {
    build.onResolve({ filter: /^body-parser$/ }, () => ({
      path: 'body-parser',
      namespace: 'empty',
    }));
    build.onLoad({ filter: /./, namespace: 'empty' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/** Uses another file in place of one of ours. */
const replacing = (file: string, replacement: string): Plugin => ({
  name: 'replace',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, ({ path: loaded }) =>
      loaded === path.join(ROOT, file) ? { contents: replacement, loader: 'ts' } : undefined,
    );
  },
});

/** What a build may do differently from the product's. */
export interface BuildVariant {
  /** A source file, from the root, and the text that takes its place. */
  readonly replace?: { readonly file: string; readonly text: string };
}

/** Builds into a folder, which is replaced as a whole. */
export async function build(target = DIST, { replace }: BuildVariant = {}): Promise<void> {
  const esbuild = await loadBundler();
  const draft = `${target}.next`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true });
  const shared = { absWorkingDir: ROOT, logLevel: 'warning', metafile: true } as const;
  const variant = replace === undefined ? [] : [replacing(replace.file, replace.text)];
  const plugins = [builtinsWithoutFacade, withoutBodyParser, ...variant];
  const [programs, page] = await Promise.all([
    esbuild.build({ ...PROGRAM_OPTIONS, ...shared, plugins, outdir: draft }),
    esbuild.build({ ...PAGE_OPTIONS, ...shared, outdir: path.join(draft, 'assets') }),
  ]);
  const licenses = await licensesOf([programs.metafile, page.metafile]);
  await writeFile(path.join(draft, 'third-party-licenses.txt'), licenses);
  await rm(target, { recursive: true, force: true });
  await rename(draft, target);
}

if (import.meta.main) {
  try {
    await build(process.argv[2] === undefined ? DIST : path.resolve(process.argv[2]));
    process.exit(); // the portable bundler keeps threads
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
