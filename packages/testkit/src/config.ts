import { Type } from '@sinclair/typebox';

/** The variables that a person may set for a test run. tests/setup/global-setup.ts reads them. */
export const environment = Type.Object({
  DATABASE_URL_TEST: Type.Optional(
    Type.String({
      description:
        'a PostgreSQL server to make the test databases on; without it, an embedded one is started',
    }),
  ),
  REDIS_URL: Type.Optional(
    Type.String({
      description:
        'the Redis that the tests use, as redis://host:port; without it, a redis-server from the PATH',
    }),
  ),
});

/**
 * The variables in which tests/setup/global-setup.ts passes its servers on to the test files. Nobody sets them by hand.
 * Only environment variables reach every test process, whatever pool runs it.
 */
export const VARIABLES = {
  /** A server with a migrated template database; the URL names the maintenance database. */
  server: 'EMR_PAYMENTS_TEST_SERVER',
  template: 'EMR_PAYMENTS_TEST_TEMPLATE',
  /** `name:password` of the role that the service runs as. */
  appRole: 'EMR_PAYMENTS_TEST_APP_ROLE',
  redis: 'EMR_PAYMENTS_TEST_REDIS',
} as const;

/** Which of the processes that run test files at the same time this one is, from 1; 0 in any other process. Vitest sets the variable. */
export const workerNumber = (): number => Number(process.env.VITEST_POOL_ID ?? 0);

export type TestServers = {
  serverUrl: string;
  template: string;
  appRole: { name: string; password: string };
  redisUrl: string | null;
};

/** @throws Error when the tests were not started from the root of the workspace. */
export function testServers(): TestServers {
  const serverUrl = process.env[VARIABLES.server];
  const template = process.env[VARIABLES.template];
  const [name, password] = process.env[VARIABLES.appRole]?.split(':') ?? [];
  if (serverUrl === undefined || template === undefined || name === undefined || password === undefined) {
    throw new Error(
      'no test database: run the tests from the root of the workspace (pnpm exec vitest run <file>)',
    );
  }
  return { serverUrl, template, appRole: { name, password }, redisUrl: process.env[VARIABLES.redis] ?? null };
}
