import type { Route } from './route.ts';

interface Compiled {
  route: Route;
  expression: RegExp;
  names: string[];
  parameters: number;
}

/** Finds routes by method and path, as OpenRouter does: case matters, a literal comes before a parameter. */
export class Routing {
  readonly #routes: readonly Compiled[];

  constructor(routes: readonly Route[]) {
    const compiled = routes.map((route) => {
      const names = [...route.pattern.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
      const expression = new RegExp(`^${route.pattern.replaceAll(/\{\w+\}/g, '([^/]+)')}$`);
      return { route, expression, names, parameters: names.length };
    });
    this.#routes = compiled.toSorted((a, b) => a.parameters - b.parameters);
  }

  find(method: string, path: string) {
    for (const { route, expression, names } of this.#routes) {
      const values = route.method === method ? expression.exec(path) : null;
      if (values === null) continue;
      const pairs = names.map((name, at) => [name, decodeURIComponent(values[at + 1] ?? '')]);
      return { route, parameters: Object.fromEntries(pairs) as Record<string, string> };
    }
    return undefined;
  }
}
