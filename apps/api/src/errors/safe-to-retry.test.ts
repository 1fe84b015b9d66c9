import { CREATE_PAYMENT_EXAMPLE } from '@emr-payments/contracts';
import { DatabaseUnavailableError } from '@emr-payments/db';
import { parseSandboxHosts } from '@emr-payments/outbound';
import { hashSecret } from '@emr-payments/runtime';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AppDeps, buildApp } from '../app.ts';
import { describeApi } from '../document/document.ts';
import { noInfrastructure } from '../publish/text.ts';

type Operation = {
  method: string;
  url: string;
  /** It honours an Idempotency-Key. */
  keyed: boolean;
};

const HEADERS = { client_id: 'ci', client_secret: 'cs', access_token: 'at' };
const FAULTS = {
  internal_error: () => new Error('a bug'),
  service_unavailable: () => new DatabaseUnavailableError('down'),
};

/** An app that knows its caller, and in which everything after that fails in the same way. */
function openFailing(fault: () => Error): Promise<FastifyInstance> {
  const fails = (): never => {
    throw fault();
  };
  const deps: AppDeps = noInfrastructure();
  return buildApp(
    {
      ...deps,
      lookup: {
        findClient: async () => ({ clientPk: 1, secretHashes: [hashSecret('cs')] }),
        findUser: async () => ({ userId: 1, publicId: 'user_1' }),
      },
      acceptor: { accept: async () => fails() },
      imports: { ...deps.imports, shares: { run: async () => fails() } },
      connect: {
        publicUrl: 'https://payments.example.com',
        late: { open: async () => fails(), close: async () => undefined },
        sandboxHosts: parseSandboxHosts(''),
      },
      webhooks: {
        ...deps.webhooks,
        costly: { run: async () => fails() },
        redeliveries: { redeliver: async () => fails() },
        writes: { run: (_client, work) => work() },
        database: {
          get pool() {
            return fails();
          },
        },
        resolve: async () => [{ address: '93.184.215.14', family: 4 }],
      },
    },
    { describe: describeApi },
  );
}

function bodyOf(url: string): object {
  if (url.startsWith('/v1/payments?') || url === '/v1/payments') return CREATE_PAYMENT_EXAMPLE;
  if (url.endsWith('/resolve')) return { outcome: 'not_posted', note: 'Not on the day sheet' };
  if (url === '/v1/webhooks') return { url: 'https://hooks.example.com/x' };
  if (url === '/v1/connect-sessions') return { return_url: 'https://app.example.com/back' };
  if (url.endsWith('/recover')) return { since: '2026-06-15T00:00:00Z' };
  if (url.startsWith('/v1/patients/')) return { emr_patient_id: 'p1' };
  return {};
}

function operationsOf(app: FastifyInstance): Operation[] {
  const { paths = {} } = app.swagger() as {
    paths?: Record<string, Record<string, { parameters?: { name: string }[] }>>;
  };
  return Object.entries(paths)
    .filter(([path]) => path.startsWith('/v1/'))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { parameters = [] }]) => ({
        method: method.toUpperCase(),
        url: path.replaceAll(/\{[^}]+\}/g, path.startsWith('/v1/jobs') ? '7' : '0'.repeat(32)),
        keyed: parameters.some(({ name }) => name === 'Idempotency-Key'),
      })),
    );
}

describe.each(Object.entries(FAULTS))('%s', (code, fault) => {
  let app: FastifyInstance;
  beforeAll(async () => {
    app = await openFailing(fault);
    await app.ready();
  });
  afterAll(() => app.close());

  async function said({ method, url }: Operation, headers: Record<string, string> = {}) {
    const hasBody = method === 'POST' || method === 'PATCH' || method === 'PUT';
    const day = url.startsWith('/v1/reconciliation') ? '?date=2026-06-15' : '';
    const mrn = method === 'GET' && url === '/v1/patients' ? '?mrn=MRN-1' : '';
    const file = url.endsWith(':import');
    const answer = await app.inject({
      method: method as 'GET',
      url: `${url}${day}${mrn}`,
      headers: {
        ...HEADERS,
        ...headers,
        ...(hasBody ? { 'content-type': file ? 'text/csv' : 'application/json' } : {}),
      },
      ...(hasBody ? { payload: file ? 'mrn,emr_patient_id\nM1,p1\n' : JSON.stringify(bodyOf(url)) } : {}),
    });
    expect(answer.json(), `${method} ${url}`).toMatchObject({ code });
    return answer.json().safe_to_retry as boolean;
  }

  test('of a read it is always safe to repeat', async () => {
    const reads = operationsOf(app).filter(({ method }) => method === 'GET');
    expect(reads.length).toBeGreaterThan(8);
    for (const read of reads) expect(await said(read), read.url).toBe(true);
  });

  test('of a write, a client’s or a user’s, it is with a key only; a second DELETE does no harm', async () => {
    const writes = operationsOf(app).filter(({ method, keyed }) => method !== 'GET' && keyed);
    expect(writes.map(({ url }) => url.split('/')[2]).sort()).toEqual([
      'connect-sessions',
      'connect-sessions',
      'events',
      'payments',
      'payments',
      'payments',
      'sync',
      'webhooks',
      'webhooks',
      'webhooks',
      'webhooks',
      'webhooks',
    ]);
    for (const write of writes) {
      expect(await said(write), `${write.method} ${write.url}`).toBe(write.method === 'DELETE');
      expect(await said(write, { 'idempotency-key': 'k' }), `${write.method} ${write.url}`).toBe(true);
    }
  });

  test('of a request that stores nothing it is, whatever its method, and of one that can be repeated', async () => {
    const others = operationsOf(app).filter(({ method, keyed }) => method !== 'GET' && !keyed);
    expect(others.map(({ url }) => url.split('/').at(-1)).sort()).toEqual([
      '0'.repeat(32),
      'patients:import',
      'test',
    ]);
    for (const other of others) expect(await said(other)).toBe(true);
  });

  test('of what happens before the caller is known it is: nothing was accepted', async () => {
    const strangers = await buildApp({
      ...noInfrastructure(),
      lookup: { findClient: async () => Promise.reject(fault()), findUser: async () => null },
    });
    for (const url of ['/v1/payments', '/v1/webhooks']) {
      const answer = await strangers.inject({
        method: 'POST',
        url,
        headers: { ...HEADERS, 'content-type': 'application/json' },
        payload: JSON.stringify(bodyOf(url)),
      });
      expect(answer.json()).toMatchObject({ code, safe_to_retry: true });
    }
    await strangers.close();
  });
});
