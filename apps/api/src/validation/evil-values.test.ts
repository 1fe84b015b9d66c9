import { once } from 'node:events';
import { connect } from 'node:net';
import { CREATE_PAYMENT_EXAMPLE, paymentIdToUuid } from '@emr-payments/contracts';
import { BROKEN_ENCODING, sendRaw, UNSTORABLE, UNSTORABLE_IN_JSON, URL_VALUES } from '@emr-payments/testkit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  type DocumentedOperation,
  fillPath,
  operationsOf,
  parametersOf,
} from '../testing/documented-operations.ts';
import { writeEvent } from '../testing/event-rows.ts';
import { expectManners, expectNamed, forEveryOperation, oddBodies } from '../testing/odd-requests.ts';
import { credentialHeaders, openTestApi, type TestApi } from '../testing/test-api.ts';
import { userRequests } from '../testing/user-requests.ts';

type Answer = { status: number; body: string };

// Several thousand requests each.
vi.setConfig({ testTimeout: 120_000 });

let api: TestApi;
let port = 0;
let headers: Record<string, string> = {};
let operations: DocumentedOperation[] = [];
/** Values of path parameters by the part of the path before them, so that the handlers get as far as they can. */
const known: Record<string, string> = { recovery_id: 'rec_0' };

beforeAll(async () => {
  api = await openTestApi();
  const { app, database } = api;
  const caller = await api.newCaller();
  headers = credentialHeaders(caller);
  const requests = userRequests(api, caller);
  const { payment_id, job_id } = await requests.pay();
  const payment = { id: paymentIdToUuid(payment_id), jobId: job_id };
  const eventId = await writeEvent(database, { clientPk: caller.clientPk, payment });
  const made = await requests.post('/v1/webhooks', { url: 'http://127.0.0.1:9/hook' });
  Object.assign(known, { payments: payment_id, jobs: String(job_id), events: eventId });
  known.webhooks = (made.json() as { data: { id: string } }).data.id;
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
  operations = operationsOf(app.swagger());
  for (const { path, body } of operations)
    if (body !== null && Object.keys(body.example).length === 0) body.example = exampleOf(path);
});
afterAll(() => api.close());

function exampleOf(path: string): Record<string, unknown> {
  if (path === '/v1/payments') return { ...CREATE_PAYMENT_EXAMPLE };
  if (path === '/v1/webhooks') return { url: 'http://127.0.0.1:9/hook' };
  if (path.endsWith('/recover')) return { since: '2026-06-15T00:00:00Z' };
  return {};
}

const PARAMETER = /\{([^}]+)\}/g;

/** Writes the path with known ids, except where a value is given: it is inserted as it is. */
const pathOf = (operation: DocumentedOperation, given: Record<string, string> = {}): string =>
  fillPath(operation, (name, before) => given[name] ?? known[name] ?? known[before]);

/** The query that the operation needs. */
const neededQuery = ({ needed }: DocumentedOperation): string[] => needed.map((name) => `${name}=2026-06-15`);

async function send(
  { method }: Pick<DocumentedOperation, 'method'>,
  path: string,
  { body, more = {} }: { body?: string | undefined; more?: Record<string, string> } = {},
): Promise<Answer> {
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  return sendRaw({ port }, { method, path, body, headers: { ...headers, ...type, ...more } });
}

const forEvery = (check: (operation: DocumentedOperation, name: string) => Promise<void>) =>
  forEveryOperation(operations, check);

/**
 * Routes that are not in the document. They take no text but a path, which has a test of its own; notices of EMRs are tried in
 * notices/routes.test.ts.
 */
// The connect page is tried in connect-page/page.test.ts.
const HIDDEN = /^\/(openapi\.json|metrics|docs(\/.*)?|connect(\/.*)?|v1\/emr-notices\/:secret)$/;

/** Reads the paths out of the router's own tree, so that no route is left out. */
function pathsOfRouter(): string[] {
  const parts: string[] = [];
  const paths: string[] = [];
  for (const line of api.app.printRoutes({ commonPrefix: false }).split('\n')) {
    const [, indent = '', part = ''] = /^([│ ]*)[├└]── (\S+)(?: \(.*\))?$/.exec(line) ?? [];
    if (part === '') continue;
    parts.splice(indent.length / 4, Number.POSITIVE_INFINITY, part);
    if (line.endsWith(')')) paths.push(parts.join('').replaceAll('//', '/'));
  }
  return paths;
}

test('every route of the router is tried', () => {
  const tried = new Set(operations.map(({ path }) => path.replace(PARAMETER, ':$1')));
  expect(pathsOfRouter().filter((path) => !tried.has(path) && !HIDDEN.test(path))).toEqual([]);
  expect(pathsOfRouter().length).toBeGreaterThan(tried.size);
});

test('no path of the documentation or of no route is an error of ours', async () => {
  const evil = [
    ...BROKEN_ENCODING,
    ...UNSTORABLE.map(encodeURIComponent),
    '..',
    '../x',
    '..%2fx',
    '.',
    '%2e%2e/x',
    '\\..\\x',
  ];
  for (const before of [
    '/',
    '/docs/',
    '/docs/static/',
    '/docs/static/theme/',
    '/metrics/',
    '/health/',
    '/v1/',
    '/x/',
  ]) {
    for (const each of evil) {
      for (const path of [`${before}${each}`, `${before}${each}/`, `${before}x?q=${each}`]) {
        for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
          const answer = await send({ method }, path);
          expect(answer.status, `${method} ${path}`).toBeLessThan(500);
          if (answer.status >= 400 && method !== 'HEAD') expectManners(answer, `${method} ${path}`);
        }
      }
    }
  }
});

describe('path parameters', () => {
  test('what cannot be stored is refused by name', async () => {
    await forEvery(async (operation, name) => {
      for (const parameter of parametersOf(operation)) {
        for (const evil of UNSTORABLE) {
          const path = pathOf(operation, { [parameter]: encodeURIComponent(evil) });
          const body = operation.body === null ? undefined : JSON.stringify(operation.body.example);
          const answer = await send(operation, path, { body });
          expectNamed(answer, { what: `${name} ${JSON.stringify(evil)}`, field: parameter });
        }
      }
    });
  });

  test('nothing is an error of ours', async () => {
    await forEvery(async (operation, name) => {
      for (const parameter of parametersOf(operation)) {
        for (const value of URL_VALUES) {
          const query = neededQuery(operation).join('&');
          expectManners(
            await send(operation, `${pathOf(operation, { [parameter]: value })}?${query}`),
            `${name} ${value}`,
          );
        }
      }
    });
  });
});

describe('queries', () => {
  test('what cannot be stored is refused by name', async () => {
    await forEvery(async (operation, name) => {
      for (const field of operation.queries) {
        for (const evil of UNSTORABLE) {
          const others = neededQuery(operation).filter((each) => !each.startsWith(`${field}=`));
          const query = [...others, `${field}=${encodeURIComponent(evil)}`].join('&');
          const body = operation.body === null ? undefined : JSON.stringify(operation.body.example);
          const answer = await send(operation, `${pathOf(operation)}?${query}`, { body });
          expectNamed(answer, { what: `${name} ${field}=${JSON.stringify(evil)}`, field });
        }
      }
    });
  });

  test('a parameter that an operation does not have is refused by name, and nothing is changed', async () => {
    await forEvery(async (operation, name) => {
      const { method, path, queries } = operation;
      // Reads without a query ignore one.
      if (queries.length === 0 && method === 'GET') return;
      const field = queries.includes('dry_run') ? 'dry' : 'dry_run';
      const query = [...neededQuery(operation), `${field}=true`].join('&');
      const body = operation.body === null ? undefined : JSON.stringify(operation.body.example);
      const more = path.endsWith(':import') ? { 'content-type': 'text/csv' } : {};
      const answer = await send(operation, `${pathOf(operation)}?${query}`, { body, more });
      expectNamed(answer, { what: `${name} ?${query}`, field });
    });
  });

  test('nothing is an error of ours, also where the operation has no such field', async () => {
    await forEvery(async (operation, name) => {
      const queries = [
        ...operation.queries.flatMap((field) => URL_VALUES.map((value) => `${field}=${value}`)),
        ...[...operation.queries, 'x', '%00', '__proto__', '%zz', '%FF'].flatMap((field) => [
          ...[field, `${field}=1&${field}=2`, `${field}=&${field}=`, `${field}[]=1`, `${field}[a]=1`],
          ...[`${field}=%00`, `${field}=%00&${field}=%00`, `${field}=%zz`],
        ]),
      ];
      for (const query of [...queries, '&&&', '=', '?', '#', '%']) {
        const path = `${pathOf(operation)}?${[...neededQuery(operation), query].join('&')}`;
        expectManners(await send(operation, path), `${name} ?${query}`);
      }
    });
  });
});

describe('bodies', () => {
  test('what cannot be stored is refused by name', async () => {
    await forEvery(async (operation, name) => {
      if (operation.body === null) return;
      for (const field of operation.body.fields) {
        for (const evil of UNSTORABLE_IN_JSON) {
          const body = JSON.stringify({ ...operation.body.example, [field]: evil });
          const answer = await send(operation, pathOf(operation), { body });
          expectNamed(answer, { what: `${name} ${field}=${JSON.stringify(evil)}`, field });
        }
      }
    });
  });

  test('null, a text or a list in place of an object is refused, also where the body may be left out', async () => {
    await forEvery(async (operation, name) => {
      if (operation.body === null) return;
      for (const body of ['null', '"x"', '[]', '1']) {
        const answer = await send(operation, pathOf(operation), { body });
        expectManners(answer, name);
        expect([answer.status, answer.body], `${name} ${body}`).toEqual([
          400,
          expect.stringContaining('"code":"invalid_body"'),
        ]);
      }
    });
  });

  test('nothing is an error of ours', async () => {
    await forEvery(async (operation, name) => {
      // A write that succeeds would change what the next requests find.
      if (operation.method === 'DELETE' || operation.path.endsWith('/test')) return;
      for (const body of oddBodies(operation))
        expectManners(await send(operation, pathOf(operation), { body }), `${name} ${JSON.stringify(body)}`);
    });
  });
});

describe('headers', () => {
  const NAMES = [
    ...['client_id', 'client_secret', 'access_token', 'Idempotency-Key', 'x-request-id'],
    ...[
      'accept',
      'content-type',
      'content-encoding',
      'range',
      'if-none-match',
      'x-forwarded-for',
      'host',
      'cookie',
    ],
  ];
  // Node's client refuses to send control characters, so these go as bytes; what a parser may pass on is in them.
  const BYTES = [
    '\0',
    'a\0b',
    '\x01',
    '\t',
    '\x7f',
    '\x80',
    '\x85',
    '\xff\xfe',
    '\xed\xa0\x80',
    'x'.repeat(5000),
    '',
    ';;,,',
    '*/*;q=x',
  ];

  test('nothing is an error of ours', async () => {
    await forEvery(async (operation, name) => {
      for (const header of NAMES) {
        for (const value of BYTES) {
          const all = {
            host: '127.0.0.1',
            ...headers,
            connection: 'close',
            'content-length': '0',
            [header]: value,
          };
          const lines = Object.entries(all)
            .map(([key, text]) => `${key}: ${text}\r\n`)
            .join('');
          if (operation.method === 'DELETE' || operation.path.endsWith('/test')) continue;
          const answer = await raw(`${operation.method} ${pathOf(operation)} HTTP/1.1\r\n${lines}\r\n`);
          expectManners(answer, `${name} ${header}: ${JSON.stringify(value)}`);
        }
      }
    });
  });
});

/** Writes these bytes to a socket and reads the answer until the server closes the connection. */
async function raw(bytes: string): Promise<Answer> {
  const socket = connect(port, '127.0.0.1');
  let received = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    received += text;
  });
  socket.write(Buffer.from(bytes, 'latin1'));
  await once(socket, 'close');
  const [head = '', body = ''] = received.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), body };
}

const PAYMENT = JSON.stringify(CREATE_PAYMENT_EXAMPLE);

test.each([
  ['amount', PAYMENT.replace('{', '{"amount":1,')],
  ['patient_mrn', PAYMENT.replace('}', ',"patient_mrn":"MRN-1"}')],
  ['amount, with an escape in it', PAYMENT.replace('{', '{"\\u0061mount":1,')],
])('a payment that has its %s twice is refused', async (name, body) => {
  const answer = await send({ method: 'POST' }, '/v1/payments', { body });
  expectManners(answer, body);
  const field = name.split(',')[0];
  expect([answer.status, JSON.parse(answer.body).message]).toEqual([
    400,
    `Missing or invalid required field: ${field} (must not be named twice)`,
  ]);
});

test('a body that is nested without end is refused by every operation', async () => {
  for (const level of ['[', '{"a":'])
    for (const depth of [501, 10_000]) {
      const body =
        level.repeat(depth) + (level === '[' ? ']' : '1}') + (level === '[' ? ']' : '}').repeat(depth - 1);
      for (const operation of operations) {
        const answer = await send(operation, pathOf(operation), { body });
        expectManners(answer, `${operation.method} ${operation.path}`);
        // The few GETs that need no body do not read one.
        // One takes a file, and refuses JSON by its type.
        const refused = operation.path.endsWith(':import') ? 415 : 400;
        if (operation.method === 'POST') expect(answer.status, operation.path).toBe(refused);
      }
    }
});
