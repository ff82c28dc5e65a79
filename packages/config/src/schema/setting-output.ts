import { Secret } from '@openrouter-proxy/runtime';
import * as z from 'zod';

const outputs = z.registry<{ output: unknown }>();

/** Adds to a setting's schema the schema of its value once it is read. */
export function withOutput<T, S extends z.core.$ZodType<T>>(
  schema: S,
  output: z.core.$ZodType<T>,
): S {
  outputs.add(schema, { output });
  return schema;
}

/** A secret: plain text in JSON, wrapped in the program. */
export const secretCodec = z.codec(z.string(), z.instanceof(Secret), {
  decode: (text) => new Secret(text),
  encode: (wrapped) => wrapped.reveal(),
});

/**
 * The schema of a value that is read already: a duration is a number of milliseconds, not `30s`. It is
 * found through defaults, lists and mappings.
 */
export function outputOf<T>(schema: z.core.$ZodType<T>): z.ZodType<T> {
  return outputSchema(schema) as z.ZodType<T>; // it is made of what each setting says of its value
}

function outputSchema(schema: z.core.$ZodType | undefined): z.core.$ZodType {
  const output = schema && outputs.get(schema)?.output;
  if (output !== undefined) return output as z.core.$ZodType; // added by withOutput
  if (schema instanceof z.ZodPrefault) return outputSchema(schema.unwrap());
  if (schema instanceof z.ZodNullable) return z.nullable(outputSchema(schema.unwrap()));
  if (schema instanceof z.ZodPipe) return outputSchema(schema.out); // a list
  if (schema instanceof z.ZodArray) return z.array(outputSchema(schema.element));
  if (schema instanceof z.ZodObject) return z.strictObject(mapValues(schema.shape, outputSchema));
  throw new TypeError('a setting without an output schema');
}

function mapValues<K extends string, A, B>(
  values: Readonly<Record<K, A>>,
  map: (value: A) => B,
): Record<K, B> {
  const entries = Object.entries<A>(values).map(([name, value]) => [name, map(value)] as const);
  return Object.fromEntries(entries) as Record<K, B>; // the same names
}

/** For each name that a process uses, the name of the setting in its section. */
type Names<S extends z.ZodObject> = Readonly<Record<string, keyof z.output<S> & string>>;

type Values<S extends z.ZodObject, N extends Names<S>> = {
  [K in keyof N]: z.output<S>[N[K]];
};

/** Settings of one section that a process gets together, as one object. */
export interface SettingGroup<S extends z.ZodObject, N extends Names<S>> {
  /** The schema of each value. */
  readonly shape: { [K in keyof N]: z.ZodType<z.output<S>[N[K]]> };
  /** Takes the values from the section. */
  readonly of: (settings: Pick<z.output<S>, N[keyof N]>) => Values<S, N>;
}

/** Groups settings of a section. Their defaults, limits and types stay in the section's schema alone. */
export function settingGroup<S extends z.ZodObject, const N extends Names<S>>(
  section: S,
  names: N,
): SettingGroup<S, N> {
  const fields: Readonly<Record<string, z.core.$ZodType>> = section.shape;
  const schemaOf = (name: string) => outputSchema(fields[name]);
  return {
    // The compiler does not see that names are mapped one by one.
    shape: mapValues(names, schemaOf) as unknown as SettingGroup<S, N>['shape'],
    of: (settings) => {
      const values = new Map<string, unknown>(Object.entries(settings));
      return mapValues(names, (name: string) => values.get(name)) as Values<S, N>;
    },
  };
}
