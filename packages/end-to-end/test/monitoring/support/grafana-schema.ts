import path from 'node:path';
import ts from 'typescript';

const FILE = path.join(import.meta.dirname, 'checked-dashboard.ts');

const OPTIONS: ts.CompilerOptions = {
  noEmit: true,
  strict: true,
  skipLibCheck: true,
  allowImportingTsExtensions: true,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  target: ts.ScriptTarget.ESNext,
  types: [],
};

/**
 * What Grafana's types have against a dashboard: wrong values, missing and unknown properties, each
 * with its line. Grafana publishes types rather than a JSON Schema, so the compiler is asked, as if
 * the JSON stood in a program.
 */
export function schemaProblems(json: string): string[] {
  const source =
    "import type { GrafanaDashboard } from './grafana-dashboard.ts';\n" +
    `export const dashboard: GrafanaDashboard =\n${json};\n`;
  const disk = ts.createCompilerHost(OPTIONS);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (file) => file === FILE || disk.fileExists(file),
    readFile: (file) => (file === FILE ? source : disk.readFile(file)),
    getSourceFile: (file, ...how) =>
      file === FILE
        ? ts.createSourceFile(file, source, ts.ScriptTarget.ESNext)
        : disk.getSourceFile(file, ...how),
  };
  const program = ts.createProgram([FILE], OPTIONS, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText, file, start = 0 }) => {
    const line = file?.getLineAndCharacterOfPosition(start).line ?? 0;
    return `line ${line - 1}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}
