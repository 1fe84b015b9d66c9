import { loadConfig } from '@emr-payments/runtime';
import { type Static, Type } from '@sinclair/typebox';

const ConfigSchema = Type.Object({
  HOST: Type.String({ default: '127.0.0.1', description: 'address to listen on' }),
  PORT: Type.Integer({ minimum: 0, maximum: 65535, default: 4010, description: 'port; 0 takes a free one' }),
  LEDGER_FILE: Type.String({
    default: '.local/emr-ledger.jsonl',
    description: 'file that keeps the postings; it is made when it is not there',
  }),
  SANDBOX_TOKEN: Type.Optional(
    Type.String({ description: 'bearer token that every FHIR request must carry' }),
  ),
  SEED_FILE: Type.Optional(
    Type.String({
      description: 'JSON file with patients, locations and payment_methods, in place of the demo set',
    }),
  ),
  CONDITIONAL_CREATE: Type.Boolean({
    default: true,
    description: 'true or false; false ignores If-None-Exist, as an EMR that does not know it',
  }),
  SEARCH: Type.Boolean({ default: true, description: 'true or false; false refuses to search postings' }),
  BOOKS_CLOSED_BEFORE: Type.Optional(
    Type.String({
      pattern: '^\\d{4}-\\d{2}-\\d{2}$',
      description: 'YYYY-MM-DD; postings dated before it are refused',
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
