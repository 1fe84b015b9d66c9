import { loadConfig, logLevelVariable } from '@emr-payments/runtime';
import { type Static, Type } from '@sinclair/typebox';

export const environment = Type.Object({
  HOST: Type.String({ default: '127.0.0.1', description: 'the address to listen on' }),
  PORT: Type.Integer({
    minimum: 0,
    maximum: 65535,
    default: 4010,
    description: 'the port to listen on; 0 takes a free one',
  }),
  LEDGER_FILE: Type.String({
    default: '.local/emr-ledger.jsonl',
    description: 'the file that keeps the postings; it is made when it does not exist',
  }),
  SANDBOX_TOKEN: Type.Optional(
    Type.String({
      description: 'the bearer token that every FHIR request must carry; without it none is needed',
    }),
  ),
  SEED_FILE: Type.Optional(
    Type.String({
      description: 'a JSON file with patients, locations and payment_methods, in place of the demo set',
    }),
  ),
  CONDITIONAL_CREATE: Type.Boolean({
    default: true,
    description: 'true or false; false ignores If-None-Exist, as an EMR without conditional create does',
  }),
  SEARCH: Type.Boolean({ default: true, description: 'true or false; false refuses to search postings' }),
  BOOKS_CLOSED_BEFORE: Type.Optional(
    Type.String({
      pattern: '^\\d{4}-\\d{2}-\\d{2}$',
      description: 'YYYY-MM-DD; postings dated before it are refused',
    }),
  ),
  LOG_LEVEL: logLevelVariable,
});

export type Config = Static<typeof environment>;

/** @throws ConfigError naming the variable that is wrong. */
export const readConfig = (): Config => loadConfig(environment, process.env);
