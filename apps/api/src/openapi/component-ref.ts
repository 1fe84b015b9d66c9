import { type Static, type TSchema, Type } from '@sinclair/typebox';

/** Refers to a schema that `describeApi` registered under its `$id`, with the same static type. */
export function componentRef<T extends TSchema>(schema: T) {
  if (schema.$id === undefined) throw new TypeError('only a schema with an $id can be referred to');
  return Type.Unsafe<Static<T>>({ $ref: `${schema.$id}#` });
}

type Operation = { [OPTIONAL_BODY]?: true; requestBody?: { required?: boolean } };

/** Marks an operation whose body may be left out: the document's generator declares every body required. */
export const OPTIONAL_BODY = 'x-optional-body';

/** Replaces the marks in a document by `requestBody.required: false`. */
export function withOptionalBodies<T extends { paths?: object }>(document: T): T {
  const paths = Object.values(document.paths ?? {}) as Record<string, Operation>[];
  for (const operation of paths.flatMap((path) => Object.values(path))) {
    if (operation[OPTIONAL_BODY] !== true) continue;
    delete operation[OPTIONAL_BODY];
    if (operation.requestBody !== undefined) operation.requestBody.required = false;
  }
  return document;
}
