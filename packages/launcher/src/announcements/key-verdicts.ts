import {
  connectToUnixSocket,
  healthStatements,
  KmsClient,
  MAX_LISTED_KEYS,
  type HealthStatement,
  type InstantInWords,
  type KeyView,
} from '@openrouter-proxy/kms-protocol';
import type { KmsConfiguration } from '@openrouter-proxy/config';
import { plain, type Clock } from '@openrouter-proxy/runtime';

/** Maximum wait for the verdicts. */
const WAIT_MS = 3_000;
const ASK_EVERY_MS = 100;
/** Maximum number of keys listed one by one. */
const MAX_LINES = 10;

/** OpenRouter's verdicts on the keys, soon after a start. */
export interface KeyVerdicts {
  readonly keys: readonly Pick<KeyView, 'name' | 'check'>[];
  /** Problems, the worst first. */
  readonly problems: readonly HealthStatement[];
}

/** Waits up to 3 s until every key is checked at OpenRouter; null if the key service does not answer. */
export async function keyVerdicts(
  { socket, tokens }: KmsConfiguration,
  clock: Clock,
  instantInWords: InstantInWords,
): Promise<KeyVerdicts | null> {
  const connect = () => connectToUnixSocket(socket);
  const client = new KmsClient({ connect, role: 'operator', token: tokens.operator });
  const giveUpAt = clock.now() + WAIT_MS;
  try {
    for (;;) {
      const timeoutMs = Math.max(1, giveUpAt - clock.now());
      const { keys } = await client.call('keys.list', { limit: MAX_LISTED_KEYS }, { timeoutMs });
      const isComplete = keys.every(({ check }) => check !== null);
      if (isComplete || clock.now() + ASK_EVERY_MS >= giveUpAt) {
        const { health } = await client.call('service.status', {}, { timeoutMs: WAIT_MS });
        const problems = healthStatements(health.causes, clock.now(), instantInWords);
        return { keys, problems };
      }
      await clock.sleep(ASK_EVERY_MS);
    }
  } catch {
    return null; // the key service has ended, which the log reports
  } finally {
    await client.close();
  }
}

/** `OpenRouter accepts 2 of 3 keys` */
export function verdictSummary({ keys }: KeyVerdicts): string {
  const count = (verdict: string) => keys.filter(({ check }) => check?.verdict === verdict).length;
  const [accepted, refused] = [count('accepted'), count('refused')];
  const silent = keys.length - accepted - refused;
  const isWaiting = keys.some(({ check }) => check === null);
  if (silent === keys.length) {
    return isWaiting
      ? `OpenRouter did not answer within ${WAIT_MS / 1_000} s`
      : 'OpenRouter could not be asked about any key';
  }
  const parts = [
    ...(accepted > 0 ? [`accepts ${accepted} of ${keys.length} keys`] : []),
    ...(refused > 0 ? [`refuses ${refused} of ${keys.length} keys`] : []),
    ...(silent > 0 ? [`did not answer about ${silent} of ${keys.length} keys`] : []),
  ];
  return `OpenRouter ${parts.join(', ')}`;
}

function verdictWords({ check }: KeyVerdicts['keys'][number]): string {
  if (check === null) return 'no answer yet';
  const { verdict, status, detail } = check;
  if (verdict === 'accepted') return 'accepted';
  const answer = [status === null ? '' : `HTTP ${status}`, detail].filter(Boolean).join(' ');
  return `${verdict === 'refused' ? 'refused' : 'no answer'}: ${answer}`;
}

/** The verdicts as a block of text for a terminal: of many keys, only those that are not accepted. */
export function verdictBlock(verdicts: KeyVerdicts): string {
  const { keys, problems } = verdicts;
  const isFew = keys.length <= MAX_LINES;
  const told = isFew ? keys : keys.filter(({ check }) => check?.verdict !== 'accepted');
  const width = Math.max(0, ...told.map(({ name }) => name.length));
  const more = told.length - MAX_LINES;
  const lines = [
    `  ${verdictSummary(verdicts)}`,
    ...told.slice(0, MAX_LINES).map((key) => `    ${key.name.padEnd(width)}  ${verdictWords(key)}`),
    ...(more > 0 ? [`    and ${more} more: see \`kms keys\``] : []),
    ...problems.flatMap(({ sentence, action }) => ['', `  ${sentence}`, `  ${action}`]),
  ];
  return `${lines.map(plain).join('\n')}\n\n`; // OpenRouter's own words are among them
}
