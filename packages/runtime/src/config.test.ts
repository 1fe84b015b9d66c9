import { Type } from '@sinclair/typebox';
import { expect, test } from 'vitest';
import { ConfigError, loadConfig } from './config.ts';
import { databaseUrlVariable, logLevelVariable, redisUrlVariable } from './variables.ts';

const environment = Type.Object({
  DATABASE_URL: databaseUrlVariable,
  REDIS_URL: redisUrlVariable,
  LOG_LEVEL: logLevelVariable,
  PORT: Type.Integer({ default: 3000, maximum: 65535, description: 'the port to listen on' }),
});
const given = { DATABASE_URL: 'postgres://host/db' };

test('defaults fill what is missing or empty, text becomes numbers, and other variables are left out', () => {
  const env = { ...given, PORT: '4000', LOG_LEVEL: '', REDIS_URL: '', HOME: '/root' };
  expect(loadConfig(environment, env)).toEqual({ ...given, PORT: 4000, LOG_LEVEL: 'info' });
});

test('a missing variable is named, with what it takes', () => {
  expect(() => loadConfig(environment, {})).toThrow(
    /^DATABASE_URL is not set\. DATABASE_URL: the PostgreSQL to use, as postgres:\/\/user:password@host:port\/database\.$/,
  );
  expect(() => loadConfig(environment, {})).toThrow(ConfigError);
});

test.each([
  ['DATABASE_URL', 'mysql://secret@host/db'],
  ['REDIS_URL', 'localhost:6379'],
  ['LOG_LEVEL', 'loud'],
  ['PORT', '70000'],
  ['PORT', 'eighty'],
])('%s=%s is refused by name, without its value', (name, value) => {
  const load = () => loadConfig(environment, { ...given, [name]: value });
  expect(load).toThrow(`${name} has a value that cannot be used`);
  expect(load).not.toThrow(value);
});
