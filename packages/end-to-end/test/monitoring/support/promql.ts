import { parser, VectorSelector, Identifier } from '@prometheus-io/lezer-promql';

/** The names of the metrics that a PromQL query selects. Throws on one that does not parse. */
export function metricsOf(query: string): Set<string> {
  const names = new Set<string>();
  parser.parse(query).iterate({
    enter: ({ type, node, from, to }) => {
      if (type.isError) throw new Error(`Not PromQL, at ${query.slice(from)}: ${query}`);
      if (type.id !== VectorSelector) return;
      const name = node.getChild(Identifier);
      if (name === null) throw new Error(`A selector without a name, ${query.slice(from, to)}`);
      names.add(query.slice(name.from, name.to));
    },
  });
  return names;
}
