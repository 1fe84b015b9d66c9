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
    description: 'file that keeps the postings; the sandbox creates it when it is missing',
  }),
  SANDBOX_TOKEN: Type.Optional(
    Type.String({
      secret: true,
      description:
        'secret that requests to a dialect must carry, in FHIR R5 as a bearer token; without it they need none',
    }),
  ),
  SEED_FILE: Type.Optional(
    Type.String({
      description: 'a JSON file with patients, locations and payment_methods, in place of the demo set',
    }),
  ),
  PATIENTS: Type.Integer({
    minimum: 0,
    maximum: 1_000_000,
    default: 0,
    description: 'patients that are made by number, beside those of the seed; they need no memory',
  }),
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
  LIMITS: Type.Union([Type.Literal('vendor'), Type.Literal('raised')], {
    default: 'raised',
    description: 'vendor or raised; vendor refuses more requests than the page of each vendor permits',
  }),
  LATER_MS: Type.Integer({
    minimum: 0,
    maximum: 3_600_000,
    default: 0,
    description: 'milliseconds until a dialect that answers before it posts has posted',
  }),
  LOG_LEVEL: logLevelVariable,
});

export type Config = Static<typeof environment>;

/** @throws ConfigError naming the variable that is wrong. */
export const readConfig = (): Config => loadConfig(environment, process.env);
