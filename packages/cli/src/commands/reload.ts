import type { ReloadReport } from '@openrouter-proxy/kms-protocol';
import { printJson, type Command, type Context } from './command.ts';
import { withKms } from '../connection/connection.ts';
import { plain } from '@openrouter-proxy/runtime';

export const reload: Command = {
  name: 'reload',
  summary: 'Read the configuration again, without dropping a request',
  options: [{ flags: '--dry-run', description: 'only say what would change' }],
  examples: [
    ['kms reload --dry-run', 'what would be added, removed, changed'],
    ['kms reload', 'all of it takes effect, or nothing'],
  ],
  json: 'the result of `service.reload`',
  run: async (context, _argument, { dryRun }) =>
    withKms(context.where, context.io, async (kms) => {
      const report = await kms.call('service.reload', { dryRun: dryRun === true });
      if (context.json) printJson(context, report);
      else printReport(report, context);
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
const CLIENTS = 'server.access_keys.';

/** One change as a line. Keys are shown with their id, since generated names depend on the position. */
function changeText({ setting, change, detail }: Change): string {
  if (setting.startsWith(CLIENTS)) {
    return `client ${setting.slice(CLIENTS.length)}: ${change === 'changed' ? detail : change}`;
  }
  if (!setting.startsWith(KEYS)) return detail === '' ? setting : `${setting}: ${detail}`;
  const name = setting.slice(KEYS.length);
  return change === 'changed' ? detail : `${name} (${detail}): ${change}`; // a change names its key itself
}

/** Prints warnings to standard error, apart from the report. */
function printReport(report: ReloadReport, context: Context): void {
  const { io, paint } = context;
  io.out(reloadText(report, context));
  for (const warning of report.warnings) io.err(`${paint('warn', 'warning')}: ${plain(warning)}\n`);
}

/** The report, a line for each change. */
function reloadText(report: ReloadReport, { paint }: Context): string {
  const { outcome, problems, changes, needsRestart } = report;
  // A first line with a colon at its end introduces the others.
  const lead = problems.filter((problem, index) => index === 0 && problem.endsWith(':'));
  const lines = changes.map((change) => {
    const [sign, tone] = SIGNS[change.change];
    return `  ${paint(tone, sign)} ${plain(changeText(change))}`;
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
