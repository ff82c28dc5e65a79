const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
};
const TYPE = /^# TYPE (?<family>\S+) (?<type>\S+)$/;
const SAMPLE = /^(?<sample>[a-zA-Z_:][\w:]*)(?:\{.*\})? \S+(?: -?\d+)?$/;

/**
 * The names that samples have or can have in a text exposition (Prometheus docs, "Text-based
 * format"). A family without samples counts too: a metric with labels has none before its first use.
 * Throws on a line that is neither a comment nor a sample.
 */
export function knownMetrics(exposition: string): Set<string> {
  return new Set(exposition.split('\n').flatMap(namesOf));
}

function namesOf(line: string): string[] {
  const { family, type } = TYPE.exec(line)?.groups ?? {};
  if (family !== undefined && type !== undefined) {
    return (SUFFIXES[type] ?? ['']).map((suffix) => family + suffix);
  }
  if (line.trim() === '' || line.startsWith('#')) return [];
  const { sample } = SAMPLE.exec(line)?.groups ?? {};
  if (sample === undefined) throw new Error(`Not a line of a Prometheus exposition: ${line}`);
  return [sample];
}
