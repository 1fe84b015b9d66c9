import { keepsTextRule, MAX_DECIMALS_KEYWORD, TEXT_KEYWORD } from '@emr-payments/contracts';
import AjvCompiler, { type Ajv, type BuildCompilerFromPool } from '@fastify/ajv-compiler';
import { nullDropper, type Schemas } from './drop-nulls.ts';
import { type BuildSerializer, buildSerializer } from './serializers.ts';

/** True when a number has at most this many decimals, exactly: 350.1 has one, 0.1 + 0.2 has seventeen. */
function hasAtMostDecimals(decimals: number, value: number): boolean {
  // toFixed rounds the exact value of the double; only a number with so few decimals reads back as itself.
  return Number(value.toFixed(decimals)) === value;
}

const COMMON = { removeAdditional: false, allErrors: true } as const;

/**
 * Makes two validators of requests instead of Fastify's one, which converts values and drops fields. Bodies are taken
 * literally, except that null in an optional field counts as no field: "350" is not a number and an unknown field is an error; all errors are collected, so that the first one in the
 * published order can be named. Query strings are text by nature and are converted. Headers are in the schemas for the
 * documentation only: the code that uses a header checks it, with a sentence of its own.
 */
export function compilersFactory(): {
  buildValidator: BuildCompilerFromPool;
  buildSerializer: BuildSerializer;
} {
  const build = AjvCompiler();
  return {
    buildSerializer,
    buildValidator(externalSchemas) {
      const body = build(externalSchemas, {
        customOptions: { ...COMMON, coerceTypes: false, useDefaults: false },
        onCreate: addKeywords,
      });
      const query = build(externalSchemas, {
        customOptions: { ...COMMON, coerceTypes: 'array', useDefaults: true },
        onCreate: addKeywords,
      });
      // The types call it a schema, but Fastify passes an object around one: { schema, method, url, httpPart }.
      return (route) => {
        const httpPart = typeof route === 'object' ? route.httpPart : undefined;
        if (httpPart === 'headers') return query({ ...(route as object), schema: true });
        if (httpPart !== 'body') return query(route);
        const schema = (route as { schema: unknown }).schema;
        return withoutNulls(body(route), nullDropper(schema, (externalSchemas ?? {}) as Schemas));
      };
    },
  };
}

type Validate = ReturnType<ReturnType<BuildCompilerFromPool>>;

/** Takes the nulls out before the schema is applied, and so before the fingerprint for an idempotency key is made. */
function withoutNulls(validate: Validate, drop: (body: unknown) => void): Validate {
  const validateBody = (body: unknown) => {
    drop(body);
    const fits = validate(body);
    wrapped.errors = validate.errors ?? null;
    return fits;
  };
  const wrapped = validateBody as Validate;
  return wrapped;
}

function addKeywords(ajv: Ajv): void {
  const formats = ajv.formats as Record<string, { validate: (text: string) => boolean }>;
  const { date, 'date-time': time } = formats;
  // PostgreSQL has no year 0.
  ajv.addFormat('date', (text: string) => date?.validate(text) === true && !text.startsWith('0000'));
  // A leap second has the form of a time (RFC 3339), and JavaScript has no such time.
  ajv.addFormat(
    'date-time',
    (text: string) => time?.validate(text) === true && !Number.isNaN(Date.parse(text)),
  );
  ajv.addKeyword({
    keyword: TEXT_KEYWORD,
    type: 'string',
    schemaType: 'string',
    errors: false,
    validate: keepsTextRule,
  });
  ajv.addKeyword({
    keyword: MAX_DECIMALS_KEYWORD,
    type: 'number',
    schemaType: 'number',
    errors: false,
    validate: hasAtMostDecimals,
  });
}
