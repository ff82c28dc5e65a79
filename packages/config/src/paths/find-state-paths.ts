import { readConfigSource, type ConfigInputs } from '../files/config-source.ts';
import { describeFileProblems } from '../checks/diagnostic-lines.ts';
import { statePaths, type StatePaths } from './state-paths.ts';

/** The state paths, and whether the file could be read for them. */
export interface FoundStatePaths extends StatePaths {
  /** Why the file could not be read, one line each; the paths are then the defaults beside it. */
  readonly problems: readonly string[];
}

/**
 * The state folder and socket of a service with this configuration, even if other settings are invalid.
 * It works without the schema, which short CLI commands need not load.
 */
export async function findStatePaths(inputs: ConfigInputs): Promise<FoundStatePaths> {
  const source = await readConfigSource(inputs);
  const { value } = source.document;
  const isRead = source.failure === null && value !== undefined;
  return {
    ...statePaths(value, inputs.env, source.folder),
    problems: isRead ? [] : describeFileProblems(source),
  };
}
