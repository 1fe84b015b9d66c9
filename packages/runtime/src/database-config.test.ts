import { expect, test } from 'vitest';
import { readDatabaseUrls } from './database-config.ts';

const url = 'postgres://u:secret@h1:5432,h2:5432/d';

test('the direct URL is the other one where it is not set', () => {
  expect(readDatabaseUrls({ DATABASE_URL: url })).toEqual({ databaseUrl: url, directUrl: url });
  expect(readDatabaseUrls({ DATABASE_URL: url, DATABASE_DIRECT_URL: 'postgres://h/d' })).toEqual({
    databaseUrl: url,
    directUrl: 'postgres://h/d',
  });
});

test('a URL that cannot be used is refused with the name of its variable, and without its password', () => {
  const wrong = `${url}?sslmode=prefer`;
  expect(() => readDatabaseUrls({ DATABASE_URL: wrong })).toThrow(
    /^DATABASE_URL cannot be used: sslmode can be/,
  );
  expect(() => readDatabaseUrls({ DATABASE_URL: url, DATABASE_DIRECT_URL: wrong })).toThrow(
    /^DATABASE_DIRECT_URL cannot be used/,
  );
  expect(() => readDatabaseUrls({ DATABASE_URL: wrong })).not.toThrow(/secret/);
});
