import { readConfigSource, type ConfigInputs } from '../files/config-source.ts';
import { describeFileProblems } from '../checks/diagnostic-lines.ts';
import { statePaths, type StatePaths } from './state-paths.ts';

/** Where they are, as far as the file tells. */
export interface FoundStatePaths extends StatePaths {
  /** Why the file tells nothing, one line each; the paths are then the defaults beside it. */
  readonly problems: readonly string[];
}

/**
 * Where a service with this configuration keeps its state and listens, also when something else in the
 * configuration is wrong. Short commands begin with it, so it does without the schema.
 */
export async function findStatePaths(surroundings: ConfigInputs): Promise<FoundStatePaths> {
  const source = await readConfigSource(surroundings);
  const { value } = source.document;
  const isRead = source.failure === null && value !== undefined;
  return {
    ...statePaths(value, surroundings.env, source.folder),
    problems: isRead ? [] : describeFileProblems(source),
  };
}
