/** Whether a program is missing here, as the test run has found out. */
export function isMissing(command: string): boolean {
  return (process.env['MISSING_COMMANDS'] ?? '').split(',').includes(command);
}
