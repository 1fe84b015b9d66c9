import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createClient } from './create-client.ts';

const PAGE = join(import.meta.dirname, '..', '..', '..', 'docs', 'client.md');

test('docs/client.md lists every method', () => {
  const lines = readFileSync(PAGE, 'utf8').split('\n');
  const rows = lines.slice(lines.findIndex((line) => line.startsWith('| methods ')) + 2);
  const listed = rows.slice(0, rows.indexOf('')).map((row) => {
    const [of, ...methods] = [...row.matchAll(/`(\w+)`/g)].map(([, name]) => name);
    return [of, methods];
  });
  const client = createClient({
    baseUrl: 'http://127.0.0.1:9',
    clientId: 'c',
    clientSecret: 's',
    accessToken: 'a',
  });
  expect(listed).toEqual(Object.entries(client).map(([of, methods]) => [of, Object.keys(methods)]));
});
