import type * as z from 'zod';

/** Parses JSON; undefined if the text is not JSON. The parser's error is dropped: it quotes the text. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Parses JSON of a shape; undefined if the text is not JSON or has another shape. */
export function readJson<T>(text: string, shape: z.ZodType<T>): T | undefined {
  return shape.safeParse(parseJson(text)).data;
}
