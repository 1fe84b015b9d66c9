import { MAX_DECIMALS_KEYWORD } from '@emr-payments/contracts';
import AjvCompiler, { type Ajv, type BuildCompilerFromPool } from '@fastify/ajv-compiler';

/** Whether a number has no more than so many decimals, exactly: 350.1 has one, 0.1 + 0.2 has seventeen. */
export function hasAtMostDecimals(decimals: number, value: number): boolean {
  // toFixed writes the exact value of the double, rounded; only a number of so few decimals reads back as itself.
  return Number(value.toFixed(decimals)) === value;
}

const COMMON = { removeAdditional: false, allErrors: true } as const;

/**
 * Two validators for what comes in, instead of Fastify's one that converts and drops. Bodies are taken literally:
 * "350" is no number and an unknown field is an error; all errors are found, so that the first in the published
 * order can be named. Query strings are text by nature and are converted. Headers stand in the schemas for the
 * documentation: the code that uses one checks it, with a sentence of its own.
 */
export function compilersFactory(): { buildValidator: BuildCompilerFromPool } {
  const build = AjvCompiler();
  return {
    buildValidator(externalSchemas) {
      const body = build(externalSchemas, {
        customOptions: { ...COMMON, coerceTypes: false, useDefaults: false },
        onCreate: addKeywords,
      });
      const query = build(externalSchemas, {
        customOptions: { ...COMMON, coerceTypes: 'array', useDefaults: true },
        onCreate: addKeywords,
      });
      // What the types call a schema is Fastify's description of one: { schema, method, url, httpPart }.
      return (route) => {
        const httpPart = typeof route === 'object' ? route.httpPart : undefined;
        if (httpPart === 'headers') return query({ ...(route as object), schema: true });
        return httpPart === 'body' ? body(route) : query(route);
      };
    },
  };
}

function addKeywords(ajv: Ajv): void {
  ajv.addKeyword({
    keyword: MAX_DECIMALS_KEYWORD,
    type: 'number',
    schemaType: 'number',
    errors: false,
    validate: hasAtMostDecimals,
  });
}
