/**
 * What the run's set-up (tests/setup/global-setup.ts) tells the test files. Environment variables are the one way that
 * reaches every test process, whatever pool runs it.
 */
export const VARIABLES = {
  /** A server with a migrated template database; the URL names the maintenance database. */
  server: 'EMR_PAYMENTS_TEST_SERVER',
  template: 'EMR_PAYMENTS_TEST_TEMPLATE',
  redis: 'EMR_PAYMENTS_TEST_REDIS',
} as const;

export type TestServers = { serverUrl: string; template: string; redisUrl: string | null };

/** @throws Error when the tests were not started from the root of the workspace. */
export function testServers(): TestServers {
  const serverUrl = process.env[VARIABLES.server];
  const template = process.env[VARIABLES.template];
  if (serverUrl === undefined || template === undefined) {
    throw new Error(
      'no test database: run the tests from the root of the workspace (pnpm exec vitest run <file>)',
    );
  }
  return { serverUrl, template, redisUrl: process.env[VARIABLES.redis] ?? null };
}
