import type { KeyView, ReloadReport } from '@openrouter-proxy/kms-protocol';
import { printJson, type Command, type Context } from '../command.ts';
import { withKms } from '../connection.ts';
import { allKeys } from '../find-key.ts';
import { plain } from '../terminal/plain.ts';

export const reload: Command = {
  name: 'reload',
  summary: 'Read the configuration again, without dropping a request',
  options: [{ flags: '--dry-run', description: 'only say what would change' }],
  examples: [
    ['kms reload --dry-run', 'what would be added, removed, changed'],
    ['kms reload', 'all of it takes effect, or nothing'],
  ],
  json: 'the result of `service.reload`; unless it was refused, its `problems` are warnings',
  run: async (context, _argument, { dryRun }) =>
    withKms(context.where, context.io, async (kms) => {
      const before = context.json ? [] : await allKeys(kms);
      const report = await kms.call('service.reload', { dryRun: dryRun === true });
      if (context.json) printJson(context, report);
      else printReport(report, before, context);
      return report.outcome === 'refused' ? 'refused' : 'done';
    }),
};

const HEADS: Readonly<Record<ReloadReport['outcome'], string>> = {
  applied: 'The new configuration is in effect.',
  planned: 'This would change:',
  unchanged: 'Nothing has changed.',
  refused: 'Nothing was changed:',
};
const SIGNS = { added: ['+', 'good'], removed: ['-', 'bad'], changed: ['~', 'warn'] } as const;

type Change = ReloadReport['changes'][number];

const KEYS = 'openrouter.keys.';

/** A change in a line. A key is named with its id: names that come from places in the list move on. */
function changeText({ setting, change, detail }: Change, before: readonly KeyView[]): string {
  if (!setting.startsWith(KEYS)) return detail === '' ? setting : `${setting}: ${detail}`;
  const name = setting.slice(KEYS.length);
  switch (change) {
    case 'added':
      return `${name} (${detail}): added`;
    case 'removed': {
      const id = before.find((key) => key.name === name)?.keyId;
      return `${name}${id === undefined ? '' : ` (${id})`}: removed, ${detail}`;
    }
    case 'changed':
      return detail; // it names the key itself
  }
}

/** What is odd about a configuration that was taken goes where warnings go. */
function printReport(report: ReloadReport, before: readonly KeyView[], context: Context): void {
  const { io, paint } = context;
  io.out(reloadText(report, before, context));
  if (report.outcome === 'refused') return;
  for (const problem of report.problems) io.err(`${paint('warn', 'warning')}: ${plain(problem)}\n`);
}

/** The report, a line for each change. */
function reloadText(report: ReloadReport, before: readonly KeyView[], { paint }: Context): string {
  const { outcome, changes, needsRestart } = report;
  const problems = outcome === 'refused' ? report.problems : [];
  // A first line with a colon at its end introduces the others.
  const lead = problems.filter((problem, index) => index === 0 && problem.endsWith(':'));
  const lines = changes.map((change) => {
    const [sign, tone] = SIGNS[change.change];
    return `  ${paint(tone, sign)} ${plain(changeText(change, before))}`;
  });
  const restart =
    needsRestart.length === 0 ? [] : [`Only after a restart: ${needsRestart.join(', ')}`];
  return [
    paint(
      outcome === 'refused' ? 'bad' : undefined,
      [HEADS[outcome], ...lead.map(plain)].join(' '),
    ),
    ...problems.slice(lead.length).map((problem) => `  ${plain(problem)}`),
    ...lines,
    ...restart,
    '',
  ].join('\n');
}
