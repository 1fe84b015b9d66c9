import { CREATE_PAYMENT_EXAMPLE } from '@emr-payments/contracts';
import { hashSecret, type LogFields, type Logger } from '@emr-payments/runtime';
import type { FastifyInstance } from 'fastify';
import { type AppDeps, type AppOptions, buildApp } from './app.ts';
import { noInfrastructure } from './publish/text.ts';

const PAYMENT_ID = '123e4567e89b12d3a456426614174001';

/** Credentials that every app of `plainApps` takes. */
export const HEADERS = {
  client_id: 'ci',
  client_secret: 'cs',
  access_token: 'at',
  'content-type': 'application/json',
};

/** The outcome of every payment. */
export const ACCEPTED = {
  outcome: 'accepted',
  paymentId: PAYMENT_ID,
  jobId: 12345,
  replayed: false,
} as const;

/** A request that creates a payment. */
export const payment = (headers: Record<string, string> = {}) => ({
  method: 'POST' as const,
  url: '/v1/payments',
  headers: { ...HEADERS, ...headers },
  payload: JSON.stringify(CREATE_PAYMENT_EXAMPLE),
});

/** Builds apps without infrastructure, for tests of HTTP only. `lines`: the log of the last one. */
export function plainApps() {
  const lines: { level: keyof Logger; fields: LogFields }[] = [];
  const keep = (level: keyof Logger) => (fields: LogFields) => {
    lines.push({ level, fields });
  };
  return {
    lines,
    open(deps: Partial<AppDeps> = {}, options: AppOptions = {}): Promise<FastifyInstance> {
      lines.length = 0;
      return buildApp(
        {
          ...noInfrastructure(),
          logger: { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') },
          lookup: {
            findClient: async () => ({ clientPk: 1, secretHashes: [hashSecret('cs')] }),
            findUser: async () => ({ userId: 1, publicId: 'user_1' }),
          },
          acceptor: { accept: async () => ACCEPTED },
          checks: { postgres: async () => null, queue: async () => null },
          ...deps,
        },
        options,
      );
    },
  };
}
