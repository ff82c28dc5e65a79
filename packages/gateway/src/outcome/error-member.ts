/** Whether a value is what serializers write for an unset member. */
function isEmpty(value: unknown): boolean {
  if (typeof value === 'string') return value.trim() === '';
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === null || value === undefined || value === false || value === 0;
}

/**
 * Whether an `error` member reports an error. Some providers send an empty one beside a good answer:
 * `null`, `""`, `false`, `{}`, or an object whose members are all empty.
 */
export function reportsError(error: unknown): boolean {
  if (isEmpty(error)) return false;
  if (typeof error !== 'object' || error === null) return true;
  return Object.values(error).some((value) => !isEmpty(value));
}
