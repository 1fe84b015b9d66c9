import type { AddressInfo } from 'node:net';
import {
  BROKEN_ENCODING,
  JSON_VALUES,
  sendRaw,
  UNSTORABLE,
  UNSTORABLE_IN_JSON,
  UNUSUAL,
  URL_VALUES,
} from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openTestOperatorApi, type TestOperatorApi } from './testing/operator-api.ts';

type Json = Record<string, unknown>;
type Operation = {
  method: string;
  path: string;
  queries: string[];
  /** null when the operation takes no body. */
  body: { fields: string[]; example: Json } | null;
};
type Answer = { status: number; body: string };

// Thousands of requests each.
vi.setConfig({ testTimeout: 180_000 });

let api: TestOperatorApi;
let port = 0;
let operations: Operation[] = [];
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
  operations = operationsOf(JSON.parse(JSON.stringify(api.app.swagger())) as Json);
});
afterAll(() => api.close());

function operationsOf(document: Json): Operation[] {
  const { schemas } = document.components as { schemas: Record<string, Json> };
  return Object.entries(document.paths as Record<string, Record<string, Json>>).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const content = (operation.requestBody as { content?: Record<string, { schema: Json }> } | undefined)
        ?.content;
      const $ref = content?.['application/json']?.schema.$ref as string | undefined;
      const schema = $ref === undefined ? null : (schemas[$ref.split('/').at(-1) ?? ''] ?? {});
      const example = { ...(schema?.examples as Json[] | undefined)?.[0] };
      // Nothing of this test leaves the machine.
      if ('check' in ((schema?.properties ?? {}) as Json))
        Object.assign(example, { base_url: 'http://127.0.0.1:1/', check: false });
      return {
        method: method.toUpperCase(),
        path,
        queries: ((operation.parameters ?? []) as { name: string; in: string }[])
          .filter((each) => each.in === 'query')
          .map(({ name }) => name),
        body: schema === null ? null : { fields: Object.keys(schema.properties as Json), example },
      };
    }),
  );
}

const PARAMETER = /\{([^}]+)\}/g;
const pathOf = ({ path }: Operation, given: Record<string, string> = {}): string =>
  path.replaceAll(PARAMETER, (_all, name: string) => given[name] ?? known[name] ?? 'x');

function send({ method }: { method: string }, path: string, body?: string): Promise<Answer> {
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  return sendRaw({ port }, { method, path, body, headers: { authorization: `Bearer ${secret}`, ...type } });
}

function expectManners(answer: Answer, what: string): void {
  expect(answer.status, `${what}: ${answer.body}`).toBeLessThan(500);
  expect(answer.status, `${what}: ${answer.body}`).not.toBe(401);
  if (answer.status < 400) return;
  const { hint = '', ...error } = JSON.parse(answer.body);
  expect(hint, what).toEqual(expect.any(String));
  expect(error, what).toEqual({
    success: false,
    message: expect.not.stringContaining('undefined'),
    code: expect.stringMatching(/^[a-z_]+$/),
    request_id: expect.any(String),
    safe_to_retry: expect.any(Boolean),
  });
}

function expectNamed(answer: Answer, { what, field }: { what: string; field: string }): void {
  expectManners(answer, what);
  expect([answer.status, answer.body], what).toEqual([400, expect.stringContaining(`field: ${field} (`)]);
}

async function forEvery(check: (operation: Operation, name: string) => Promise<void>): Promise<void> {
  const failures: string[] = [];
  for (const operation of operations) {
    const name = `${operation.method} ${operation.path}`;
    await check(operation, name).catch((error: Error) => failures.push(`${name}: ${error.message}`));
  }
  expect(failures).toEqual([]);
}

const bodyText = ({ body }: Operation) => (body === null ? undefined : JSON.stringify(body.example));

test('what cannot be stored is refused by name in paths, queries and bodies', async () => {
  await forEvery(async (operation, name) => {
    for (const [, field = ''] of operation.path.matchAll(PARAMETER)) {
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
    for (const [, field = ''] of operation.path.matchAll(PARAMETER)) {
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
    const { fields, example } = operation.body;
    const values = [...JSON_VALUES, ...UNUSUAL.map((each) => JSON.stringify(each))];
    const odd = ['x', '\0', '\ud800', '__proto__', 'constructor', ''];
    const pairs = [
      ...fields.flatMap((field) => values.map((value) => ({ field, value }))),
      ...odd.flatMap((field) => ['1', '"\\u0000"', '{"\\ud800":[]}'].map((value) => ({ field, value }))),
    ];
    for (const { field, value } of pairs) {
      const { [field]: _left, ...others } = example;
      const rest = JSON.stringify(others).slice(1, -1);
      const body = `{${rest}${rest === '' ? '' : ','}${JSON.stringify(field)}:${value}}`;
      expectManners(await send(operation, pathOf(operation), body), `${name} ${body}`);
    }
    for (const body of [
      '',
      '"\\ud800"',
      '[]',
      'null',
      '1e400',
      '{"a":1,"a":2}',
      '\ufeff{}',
      '{',
      '\0',
      '[{}]',
    ])
      expectManners(await send(operation, pathOf(operation), body), `${name} ${JSON.stringify(body)}`);
  });
});
