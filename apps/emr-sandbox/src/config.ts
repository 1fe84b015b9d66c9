import { loadConfig } from '@emr-payments/runtime';
import { type Static, Type } from '@sinclair/typebox';

const ConfigSchema = Type.Object({
  HOST: Type.String({ default: '127.0.0.1', description: 'address to listen on' }),
  PORT: Type.Integer({ minimum: 0, maximum: 65535, default: 4010, description: 'port; 0 takes a free one' }),
  LEDGER_FILE: Type.String({
    default: '.local/emr-ledger.jsonl',
    description: 'file that keeps the postings; the sandbox creates it when it is missing',
  }),
  SANDBOX_TOKEN: Type.Optional(
    Type.String({
      description:
        'secret that requests to a dialect must carry, in FHIR R5 as a bearer token; without it they need none',
    }),
  ),
  SEED_FILE: Type.Optional(
    Type.String({
      description: 'JSON file with patients, locations and payment_methods, in place of the demo set',
    }),
  ),
  CONDITIONAL_CREATE: Type.Boolean({
    default: true,
    description: 'true or false; false ignores the condition of a create (If-None-Exist in FHIR)',
  }),
  SEARCH: Type.Boolean({ default: true, description: 'true or false; false refuses searches for postings' }),
  BOOKS_CLOSED_BEFORE: Type.Optional(
    Type.String({
      pattern: '^\\d{4}-\\d{2}-\\d{2}$',
      description: 'YYYY-MM-DD; the sandbox refuses postings dated before it',
    }),
  ),
  LOG_LEVEL: Type.Union(
    [
      Type.Literal('debug'),
      Type.Literal('info'),
      Type.Literal('warn'),
      Type.Literal('error'),
      Type.Literal('silent'),
    ],
    { default: 'info', description: 'debug, info, warn, error or silent' },
  ),
});

export type Config = Static<typeof ConfigSchema>;

/** @throws ConfigError naming the variable that is wrong. */
export function readConfig(): Config {
  return loadConfig(ConfigSchema, process.env);
}
