type Operation = { [OPTIONAL_BODY]?: true; requestBody?: { required?: boolean } };

/** Marks an operation of which the body may be left out: the document's generator calls every body required. */
export const OPTIONAL_BODY = 'x-optional-body';

/** Takes the marks out of a document and says there what they mean. */
export function withOptionalBodies<T extends { paths?: object }>(document: T): T {
  const paths = Object.values(document.paths ?? {}) as Record<string, Operation>[];
  for (const operation of paths.flatMap((path) => Object.values(path))) {
    if (operation[OPTIONAL_BODY] !== true) continue;
    delete operation[OPTIONAL_BODY];
    if (operation.requestBody !== undefined) operation.requestBody.required = false;
  }
  return document;
}
