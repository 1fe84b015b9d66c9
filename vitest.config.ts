import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './tests/setup/longest-first.ts';

/**
 * Two more than there are processors: half of the time a file waits, for leases, retries and processes that start, and with one more a
 * third of two processors was free. More than four would need more connections than the PostgreSQL of the run has.
 */
const WORKERS = Math.min(availableParallelism() + 2, 4);

/** Where the processes that the tests start keep what Node has compiled, too. */
const COMPILED = join(import.meta.dirname, 'node_modules', '.cache', 'compiled');

// One run over all packages, which share one PostgreSQL and one Redis (tests/setup/global-setup.ts).
export default defineConfig({
  test: {
    include: ['{apps,packages,bench,tests,scripts}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/generated/**'],
    globalSetup: ['tests/setup/global-setup.ts'],
    setupFiles: ['tests/setup/patience.ts', 'tests/setup/leaks.ts'],
    pool: 'forks',
    maxWorkers: WORKERS,
    sequence: { sequencer: LongestFirst },
    // A worker's files share its process, and with it what is loaded: a third of all processor time was loading it for each file. No module
    // of ours keeps state of a process (config.ts alone reads process.env), and a file undoes what it changes; variables are undone here.
    isolate: false,
    unstubEnvs: true,
    // For a machine that does something else, too. A test waits for conditions, so on a free one nothing takes longer by it.
    testTimeout: 90_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000, interval: 20 } },
    // Node itself loads the TypeScript of the tests. The apps that they start are those of the image (tests/setup/global-setup.ts).
    experimental: { viteModuleRunner: false, nodeLoader: false },
    env: { TZ: 'UTC', NODE_COMPILE_CACHE: COMPILED },
  },
});
