type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Models by their ids, from the answer of `GET /models`. */
export function modelsById(list: unknown): ReadonlyMap<string, Json> {
  const data = isObject(list) ? list['data'] : undefined;
  const models = Array.isArray(data) ? data.filter(isObject) : [];
  return new Map(
    models.flatMap((model) => (typeof model['id'] === 'string' ? [[model['id'], model]] : [])),
  );
}

/**
 * The answer of `GET /models/{id}`, which OpenRouter does not have: OpenAI's members before those of the list.
 * Null: there is no such model.
 */
export function modelDocument(models: ReadonlyMap<string, Json>, id: string): Json | null {
  const model = models.get(id);
  if (model === undefined) return null;
  const created = typeof model['created'] === 'number' ? model['created'] : 0;
  return { ...model, id, object: 'model', created, owned_by: id.replace(/^~/, '').split('/')[0] };
}

/** The id that the parameters of `/models/{id}` or `/models/{author}/{slug}` name. */
export function modelIdOf(parameters: Readonly<Record<string, string>>): string {
  const { id, author = '', slug = '' } = parameters;
  return id ?? `${author}/${slug}`;
}
