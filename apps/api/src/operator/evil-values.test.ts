import type { AddressInfo } from 'node:net';
import { BROKEN_ENCODING, sendRaw, UNSTORABLE, UNSTORABLE_IN_JSON, URL_VALUES } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  type DocumentedOperation,
  fillPath,
  operationsOf,
  parametersOf,
} from '../testing/documented-operations.ts';
import { expectManners, expectNamed, forEveryOperation, oddBodies } from '../testing/odd-requests.ts';
import { openTestOperatorApi, type TestOperatorApi } from './testing/operator-api.ts';

// Thousands of requests each.
vi.setConfig({ testTimeout: 180_000 });

let api: TestOperatorApi;
let port = 0;
let operations: DocumentedOperation[] = [];
let secret = '';
const known: Record<string, string> = { scope: 'all', payment_id: '0'.repeat(32) };

beforeAll(async () => {
  api = await openTestOperatorApi();
  const practice = await api.newPractice();
  Object.assign(known, {
    client_id: practice.clientId,
    user_id: practice.publicId,
    endpoint_id: practice.endpointId,
  });
  secret = (await api.newKey()).secret;
  await api.app.listen({ host: '127.0.0.1', port: 0 });
  port = (api.app.server.address() as AddressInfo).port;
  operations = operationsOf(api.app.swagger());
  // Nothing of this test leaves the machine.
  for (const { body } of operations)
    if (body?.fields.includes('check'))
      Object.assign(body.example, { base_url: 'http://127.0.0.1:1/', check: false });
});
afterAll(() => api.close());

const pathOf = (operation: DocumentedOperation, given: Record<string, string> = {}): string =>
  fillPath(operation, (name) => given[name] ?? known[name]);

function send({ method }: { method: string }, path: string, body?: string) {
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  return sendRaw({ port }, { method, path, body, headers: { authorization: `Bearer ${secret}`, ...type } });
}

const forEvery = (check: (operation: DocumentedOperation, name: string) => Promise<void>) =>
  forEveryOperation(operations, check);

const bodyText = ({ body }: DocumentedOperation) =>
  body === null ? undefined : JSON.stringify(body.example);

test('what cannot be stored is refused by name in paths, queries and bodies', async () => {
  await forEvery(async (operation, name) => {
    for (const field of parametersOf(operation)) {
      for (const evil of UNSTORABLE) {
        const path = pathOf(operation, { [field]: encodeURIComponent(evil) });
        expectNamed(await send(operation, path, bodyText(operation)), {
          what: `${name} ${JSON.stringify(evil)}`,
          field,
        });
      }
    }
    for (const field of operation.queries) {
      for (const evil of UNSTORABLE) {
        const path = `${pathOf(operation)}?${field}=${encodeURIComponent(evil)}`;
        expectNamed(await send(operation, path), { what: `${name} ${field}=${JSON.stringify(evil)}`, field });
      }
    }
    for (const field of operation.body?.fields ?? []) {
      for (const evil of UNSTORABLE_IN_JSON) {
        const body = JSON.stringify({ ...operation.body?.example, [field]: evil });
        expectNamed(await send(operation, pathOf(operation), body), {
          what: `${name} ${field}=${JSON.stringify(evil)}`,
          field,
        });
      }
    }
  });
});

test('no path and no query is an error of ours', async () => {
  await forEvery(async (operation, name) => {
    for (const field of parametersOf(operation)) {
      for (const value of URL_VALUES)
        expectManners(
          await send(operation, pathOf(operation, { [field]: value }), bodyText(operation)),
          `${name} ${value}`,
        );
    }
    for (const field of [...operation.queries, 'x', '%00', '__proto__', '%zz']) {
      // The checks of the whole service take a second each time.
      const more = operation.path.endsWith('/status') ? [] : URL_VALUES;
      for (const value of ['', '%00', '%zz', ...more]) {
        const path = `${pathOf(operation)}?${field}=${value}&${field}=${value}`;
        if (operation.method === 'GET')
          expectManners(await send(operation, path), `${name} ?${field}=${value}`);
      }
    }
  });
  for (const each of [
    ...BROKEN_ENCODING,
    ...UNSTORABLE.map(encodeURIComponent),
    '..',
    '..%2fx',
    '%2e%2e/x',
  ]) {
    for (const before of ['/operator/', '/operator/docs/', '/operator/docs/static/', '/operator/v1/']) {
      for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
        const answer = await send({ method }, `${before}${each}`);
        if (method === 'HEAD' || method === 'OPTIONS') expect(answer.status).toBeLessThan(500);
        else expectManners(answer, `${method} ${before}${each}`);
      }
    }
  }
});

test('no body is an error of ours', async () => {
  await forEvery(async (operation, name) => {
    if (operation.body === null) return;
    for (const body of oddBodies(operation))
      expectManners(await send(operation, pathOf(operation), body), `${name} ${JSON.stringify(body)}`);
  });
});
