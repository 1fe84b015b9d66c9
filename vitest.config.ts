import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const SERVICE_TESTS = [join(import.meta.dirname, 'tests'), join(import.meta.dirname, 'packages', 'stack')];

/**
 * Starts the tests of whole services first: they take longest, and are short files. Without times of an earlier run, as on a new machine,
 * vitest starts with the largest files, and would end with minutes in which one worker has nothing to do.
 */
class ServicesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLater = ({ moduleId }: TestSpecification) =>
      Number(!SERVICE_TESTS.some((folder) => moduleId.startsWith(folder)));
    return (await super.sort(files)).sort((a, b) => isLater(a) - isLater(b));
  }
}

// One run over all packages, which share one PostgreSQL and one Redis (tests/setup/global-setup.ts).
export default defineConfig({
  test: {
    include: ['{apps,packages,bench,tests,scripts}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/generated/**'],
    globalSetup: ['tests/setup/global-setup.ts'],
    setupFiles: ['tests/setup/leaks.ts'],
    // Leaves processor time for the servers that the tests run against.
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: ServicesFirst },
    // A worker's files share its process, and with it what is loaded: a third of all processor time was loading it for each file. No module
    // of ours keeps state of a process (config.ts alone reads process.env), and a file undoes what it changes; variables are undone here.
    isolate: false,
    unstubEnvs: true,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Node itself loads the TypeScript, as it does in production.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    env: { TZ: 'UTC' },
  },
});
