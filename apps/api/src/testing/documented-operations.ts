type Json = Record<string, unknown>;

/** An operation of an OpenAPI document, as far as a test of odd values needs it. */
export type DocumentedOperation = {
  method: string;
  path: string;
  /** Names of the query's fields, and those of them that a request needs. */
  queries: string[];
  needed: string[];
  /** The fields of its JSON body and an example of it; null when it takes none. A file is no object with fields. */
  body: { fields: string[]; example: Json } | null;
};

const PARAMETER = /\{([^}]+)\}/g;

/** Names the parameters of a path. */
export const parametersOf = ({ path }: Pick<DocumentedOperation, 'path'>): string[] =>
  [...path.matchAll(PARAMETER)].map(([, name]) => name ?? '');

/** Writes the path of an operation. What `textFor` gives for a parameter is inserted as it is. */
export const fillPath = (
  { path }: Pick<DocumentedOperation, 'path'>,
  textFor: (parameter: string, partBefore: string) => string | undefined,
): string => {
  const parts = path.split('/');
  return parts
    .map((part, at) =>
      part.replace(PARAMETER, (_all, name: string) => textFor(name, parts[at - 1] ?? '') ?? 'x'),
    )
    .join('/');
};

/** Reads all operations of a document. */
export function operationsOf(document: object): DocumentedOperation[] {
  const { components, paths } = JSON.parse(JSON.stringify(document)) as {
    components: { schemas: Record<string, Json> };
    paths: Record<string, Record<string, Json>>;
  };
  const resolved = (schema: Json): Json =>
    typeof schema.$ref === 'string'
      ? (components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {})
      : schema;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const { content } = (operation.requestBody ?? {}) as { content?: Record<string, { schema: Json }> };
      const given = content?.['application/json']?.schema;
      const schema = given === undefined ? null : resolved(given);
      const query = (
        (operation.parameters ?? []) as { name: string; in: string; required?: boolean }[]
      ).filter((each) => each.in === 'query');
      return {
        method: method.toUpperCase(),
        path,
        queries: query.map(({ name }) => name),
        needed: query.filter(({ required }) => required === true).map(({ name }) => name),
        body:
          schema === null
            ? null
            : {
                fields: Object.keys((schema.properties ?? {}) as Json),
                example: { ...((schema.examples ?? []) as Json[])[0] },
              },
      };
    }),
  );
}
