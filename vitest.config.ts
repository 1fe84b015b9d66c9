import { defineConfig } from 'vitest/config';

// One run over all packages, which share one PostgreSQL and one Redis (tests/setup/global-setup.ts).
export default defineConfig({
  test: {
    include: ['{apps,packages,bench,tests,scripts}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/generated/**'],
    globalSetup: ['tests/setup/global-setup.ts'],
    // Leaves processor time for the servers that the tests run against.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Node itself loads the TypeScript, as it does in production.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    env: { TZ: 'UTC' },
  },
});
