import { isDeepStrictEqual } from 'node:util';

type Json = Record<string, unknown>;

const isObject = (node: unknown): node is Json =>
  typeof node === 'object' && node !== null && !Array.isArray(node);

/** Keys whose values are data and not schemas: an example may have a field `title`. */
const DATA = new Set(['example', 'examples', 'default', 'enum', 'value', 'const']);

/**
 * Moves every schema with a `title` to the document's components, under that name, and leaves a reference in its place. Without a
 * name of its own, a generated client calls an object `PaymentAttemptsInner` or `Data14`, and the number changes with the next
 * release.
 *
 * @throws TypeError when two different schemas have the same title.
 */
export function withNamedSchemas<T extends { paths?: unknown; components?: unknown }>(document: T): T {
  const components = (document.components ?? {}) as { schemas?: Json };
  const schemas: Json = { ...components.schemas };
  const described = (node: Json): Json => ({ ...node, description: undefined });

  const register = (name: string, schema: Json): void => {
    const known = schemas[name];
    if (known === undefined) schemas[name] = schema;
    else if (!isDeepStrictEqual(described(known as Json), described(schema)))
      throw new TypeError(`two different schemas have the title ${name}`);
    else if ((known as Json).description === undefined) schemas[name] = schema;
  };

  const replaced = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(replaced);
    if (!isObject(node)) return node;
    const copy: Json = {};
    for (const [key, value] of Object.entries(node)) copy[key] = DATA.has(key) ? value : replaced(value);
    if (typeof copy.title !== 'string' || copy.type === undefined) return copy;
    const { title, ...schema } = copy as Json & { title: string };
    // openapi-python-client names a type beside null by its title.
    register(title, Array.isArray(schema.type) ? copy : schema);
    return { $ref: `#/components/schemas/${title}` };
  };

  for (const [name, schema] of Object.entries(components.schemas ?? {})) {
    // A component keeps its place; what it holds is moved out of it.
    const { title: _ownName, ...held } = schema as Json;
    schemas[name] = replaced(held);
  }
  const paths = replaced(document.paths);
  return { ...document, components: { ...components, schemas }, paths };
}
