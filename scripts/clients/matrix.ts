import type { Client } from './client.ts';
import { versionOf } from './install.ts';
import type { Run } from './run.ts';
import { SITUATIONS, type Situation } from './situations.ts';

/** A client's row: its runs by situation, or why there are none. */
export interface Row {
  readonly client: Client;
  readonly runs: ReadonlyMap<Situation, Run>;
  readonly why?: string;
}

/** Whether a run ended as it should, and in time. */
export const isRight = ({ right, withinMs = Infinity }: Situation, { result, ms }: Run): boolean =>
  right.includes(result) && ms <= withinMs;

function cell(situation: Situation, row: Row): string {
  const run = row.runs.get(situation);
  if (run === undefined) {
    return situation.usesTool === true && row.client.tool === null ? '–' : 'not run';
  }
  const { result, ms } = run;
  const seconds = ms < 10_000 ? '' : `, ${Math.round(ms / 1_000)} s`;
  return isRight(situation, run) ? `${result}${seconds}` : `**${result}**${seconds}`;
}

/** The matrix as a table of Markdown. */
export function matrix(rows: readonly Row[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const head = ['client', 'version', ...SITUATIONS.map(({ name }) => name)];
  const body = rows.map((row) => {
    const { client, why } = row;
    const cells =
      why === undefined
        ? SITUATIONS.map((situation) => cell(situation, row))
        : [`not installed: ${why}`, ...SITUATIONS.slice(1).map(() => '')];
    return line([client.name, versionOf(client), ...cells]);
  });
  return [line(head), line(head.map(() => '---')), ...body].join('\n');
}
