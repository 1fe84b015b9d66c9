import { OPERATOR_SCOPE_NAMES, type OperatorScope } from '@emr-payments/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { operatorApiText } from '../publish/text.ts';
import { OPERATOR_ROUTES } from './audited-routes.ts';
import { openTestOperatorApi, type TestOperatorApi } from './testing/operator-api.ts';

type Operation = { 'x-scope': OperatorScope; security: unknown; description: string };
const { paths } = JSON.parse(await operatorApiText()) as { paths: Record<string, Record<string, Operation>> };
const OPERATIONS = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase() as 'GET',
    path: path.replace('/operator/v1', '').replaceAll(/\{\w+\}/g, 'nothing'),
    scope: operation['x-scope'],
    operation,
  })),
);

let api: TestOperatorApi;
/** One key for each scope, that has all the others. */
const without = new Map<OperatorScope, string>();
beforeAll(async () => {
  api = await openTestOperatorApi();
  for (const scope of OPERATOR_SCOPE_NAMES) {
    const others = OPERATOR_SCOPE_NAMES.filter((each) => each !== scope);
    without.set(scope, (await api.newKey(others)).secret);
  }
});
afterAll(() => api.close());

test('the document has the audited routes, each with a scope, and every scope is of some route', () => {
  const documented = OPERATIONS.map(({ name }) => name.replaceAll(/\{(\w+)\}/g, ':$1'));
  expect(documented.sort()).toEqual(Object.keys(OPERATOR_ROUTES).sort());
  expect([...new Set(OPERATIONS.map(({ scope }) => scope))].sort()).toEqual([...OPERATOR_SCOPE_NAMES].sort());
  for (const { operation, scope } of OPERATIONS) {
    expect(operation.security).toEqual([{ operator_key: [] }]);
    expect(operation.description).toContain(`\`${scope}\``);
  }
});

test.each(OPERATIONS)('$name is refused without its scope, which the sentence names', async (operation) => {
  const { method, path, scope } = operation;
  const answer = await api.ask(method, path, { secret: without.get(scope) ?? '' });
  expect(answer.statusCode).toBe(403);
  expect(answer.json()).toMatchObject({
    code: 'scope_missing',
    message: expect.stringContaining(`the scope ${scope}.`),
  });
});

test('a key that is used beyond its scopes is in the audit log by its id', async () => {
  const { keyId, secret } = await api.newKey(['clients:read']);
  await api.audited();
  expect((await api.ask('GET', '/audit', { secret })).statusCode).toBe(403);
  expect(await api.audited()).toMatchObject([
    {
      actor: `operator:${keyId}`,
      action: 'credential.use',
      subject: 'credential:scope_missing',
      outcome: 'refused',
    },
  ]);
});
