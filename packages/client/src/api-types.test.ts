import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const HOME = join(import.meta.dirname, '..');

/** Runs the package's `generate` in check mode: it writes nothing and fails when the output would differ from the file. */
test('api-types.ts matches docs/openapi.json; if not, run `pnpm --filter @emr-payments/client generate`', () => {
  const generate = join(HOME, 'node_modules', 'openapi-typescript', 'bin', 'cli.js');
  const check = ['../../docs/openapi.json', '--output', 'src/api-types.ts', '--check'];
  expect(() =>
    execFileSync(process.execPath, [generate, ...check], { cwd: HOME, stdio: 'pipe' }),
  ).not.toThrow();
}, 60_000);
