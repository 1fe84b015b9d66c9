import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const HOME = join(import.meta.dirname, '..');

/** Runs the package's own `generate`, which then writes nothing and fails when it would write something else. */
test('api-types.ts is what docs/openapi.json says; `pnpm --filter @emr-payments/client generate` writes it', () => {
  const generate = join(HOME, 'node_modules', 'openapi-typescript', 'bin', 'cli.js');
  const check = ['../../docs/openapi.json', '--output', 'src/api-types.ts', '--check'];
  expect(() =>
    execFileSync(process.execPath, [generate, ...check], { cwd: HOME, stdio: 'pipe' }),
  ).not.toThrow();
}, 60_000);
