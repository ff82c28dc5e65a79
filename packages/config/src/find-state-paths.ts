import { EXIT, StartupError } from '@openrouter-proxy/runtime';
import { readConfigSource, type Surroundings } from './config-source.ts';
import { describeYamlProblems } from './remark-lines.ts';
import { statePaths, type StatePaths } from './state-paths.ts';

/**
 * Where a service with this configuration keeps its state and listens, also when something else in the
 * configuration is wrong. Rejects with a StartupError if that cannot be read at all. Short commands
 * begin with it, so it does without the schema.
 */
export async function findStatePaths(surroundings: Surroundings): Promise<StatePaths> {
  const source = await readConfigSource(surroundings);
  const { value } = source.document;
  if (value === undefined) {
    throw new StartupError(EXIT.configuration, describeYamlProblems(source));
  }
  return statePaths(value, surroundings.env, source.folder);
}
