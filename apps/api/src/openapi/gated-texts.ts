import { textOf } from '@emr-payments/contracts';

type Parameter = {
  in?: string;
  schema?: { type?: unknown; pattern?: string; enum?: unknown; format?: string };
};
type Operation = { parameters?: Parameter[] };

/**
 * Adds to every free text in a path or a query the pattern that the text gate enforces for all routes, so that no route can
 * forget to document it.
 */
export function withGatedTexts<T extends { paths?: object }>(document: T): T {
  const paths = Object.values(document.paths ?? {}) as Record<string, Operation>[];
  for (const { parameters = [] } of paths.flatMap((path) => Object.values(path))) {
    for (const { in: place, schema } of parameters) {
      if (schema?.type !== 'string' || (place !== 'path' && place !== 'query')) continue;
      const isFree = [schema.pattern, schema.enum, schema.format].every((rule) => rule === undefined);
      if (isFree) schema.pattern = textOf('label').pattern;
    }
  }
  return document;
}
