import { readFile } from 'node:fs/promises';
import { ERROR_CODES, ERRORS } from '@emr-payments/contracts';
import { describe, expect, test } from 'vitest';
import { PUBLISHED, publishedFile } from './published.ts';
import { openApiText } from './text.ts';

/** The formatter lines tables up. */
const plain = (text: string) => text.replaceAll(/-{3,}/g, '---').replaceAll(/\s+/g, '');
const read = (name: string) => readFile(publishedFile(name), 'utf8');

describe('docs/ agrees with the contracts (`pnpm --filter @emr-payments/api openapi` writes it)', () => {
  test('openapi.json', async () => {
    expect(JSON.parse(await read('openapi.json'))).toEqual(JSON.parse(await openApiText()));
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
  // Every error of the catalogue with an example, at the operations that can give it, but the one that has no path.
  const responses = Object.values(document.paths as Record<string, object>)
    .flatMap((path) => Object.values(path) as { responses: Record<string, object> }[])
    .flatMap((each) => Object.entries(each.responses));
  const documented = responses.flatMap(([status, response]) =>
    Object.keys(
      (response as { content?: Record<string, { examples?: object }> }).content?.['application/json']
        ?.examples ?? {},
    ).map((code) => `${code} ${status}`),
  );
  const expected = ERROR_CODES.filter((code) => code !== 'route_not_found').map(
    (code) => `${code} ${ERRORS[code].status}`,
  );
  expect([...new Set(documented)].filter((each) => /^[a-z_]+ [45]/.test(each)).sort()).toEqual(
    expected.sort(),
  );
});

test('every reference leads somewhere', async () => {
  const text = await openApiText();
  const { components } = JSON.parse(text);
  const names = [...text.matchAll(/"\$ref": "#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(5);
  expect([...new Set(names)].filter((name) => components.schemas[name ?? ''] === undefined)).toEqual([]);
  expect([...text.matchAll(/"\$ref": "([^"#]*)/g)].filter(([, target]) => target !== '')).toEqual([]);
});
