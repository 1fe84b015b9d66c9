import { readFile } from 'node:fs/promises';
import { ERROR_CODES, ERRORS, type ErrorCode } from '@emr-payments/contracts';
import { describe, expect, test } from 'vitest';
import { PUBLISHED, publishedFile } from './published.ts';
import { openApiText, operatorApiText } from './text.ts';

/** The formatter lines tables up. */
const plain = (text: string) => text.replaceAll(/-{3,}/g, '---').replaceAll(/\s+/g, '');
const read = (name: string) => readFile(publishedFile(name), 'utf8');

describe('docs/ agrees with the contracts (`pnpm --filter @emr-payments/api openapi` writes it)', () => {
  test.each([
    ['openapi.json', openApiText],
    ['operator-openapi.json', operatorApiText],
  ])('%s', async (name, textOf) => {
    expect(JSON.parse(await read(name))).toEqual(JSON.parse(await textOf()));
  });

  test.each(Object.keys(PUBLISHED).filter((name) => name.endsWith('.md')))('%s', async (name) => {
    expect(plain(await read(name))).toBe(plain((await PUBLISHED[name]?.()) ?? ''));
  });
});

test('the document has everything that an integrator needs', async () => {
  const document = JSON.parse(await openApiText());
  expect(document.openapi).toBe('3.1.0');
  expect(document.components.securitySchemes).toMatchObject({
    client_id: { type: 'apiKey', in: 'header', name: 'client_id' },
    client_secret: { type: 'apiKey', in: 'header', name: 'client_secret' },
    access_token: { type: 'apiKey', in: 'header', name: 'access_token' },
  });
  expect(Object.keys(document.webhooks)).toEqual([
    'payment.created',
    'payment.failed',
    'payment.review_required',
    'endpoint.disabled',
    'connection.broken',
    'connection.restored',
    'user.connected',
    'webhook.test',
  ]);

  const operation = document.paths['/v1/payments'].post;
  expect(operation.security).toEqual([{ client_id: [], client_secret: [], access_token: [] }]);
  expect(operation.parameters.map(({ name }: { name: string }) => name)).toEqual([
    'dry_run',
    'Idempotency-Key',
    'x-request-id',
  ]);
});

/** The errors of which a document has an example, with their status. */
function errorsIn(text: string): string[] {
  const { paths } = JSON.parse(text) as { paths: Record<string, object> };
  const responses = Object.values(paths)
    .flatMap((path) => Object.values(path) as { responses: Record<string, object> }[])
    .flatMap((each) => Object.entries(each.responses));
  const documented = responses.flatMap(([status, response]) =>
    Object.keys(
      (response as { content?: Record<string, { examples?: object }> }).content?.['application/json']
        ?.examples ?? {},
    ).map((code) => `${code} ${status}`),
  );
  return [...new Set(documented)].filter((each) => /^[a-z_]+ [45]/.test(each)).sort();
}

test('every error of the catalogue has an example, at the operations that can give it, but the one that has no path', async () => {
  const ofOperator = (code: ErrorCode) => ERRORS[code].about.startsWith("Of the operator's API");
  const named = (codes: readonly ErrorCode[]) => codes.map((code) => `${code} ${ERRORS[code].status}`).sort();
  const theirs = ERROR_CODES.filter((code) => code !== 'route_not_found' && !ofOperator(code));
  expect(errorsIn(await openApiText())).toEqual(named(theirs));
  const ours = ERROR_CODES.filter(ofOperator);
  expect(ours.length).toBeGreaterThan(3);
  expect(errorsIn(await operatorApiText())).toEqual(expect.arrayContaining(named(ours)));
});

test.each([
  ['openapi.json', openApiText],
  ['operator-openapi.json', operatorApiText],
])('every reference of %s leads somewhere', async (_name, textOf) => {
  const text = await textOf();
  const { components } = JSON.parse(text);
  const names = [...text.matchAll(/"\$ref": "#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(5);
  expect([...new Set(names)].filter((name) => components.schemas[name ?? ''] === undefined)).toEqual([]);
  expect([...text.matchAll(/"\$ref": "([^"#]*)/g)].filter(([, target]) => target !== '')).toEqual([]);
});
