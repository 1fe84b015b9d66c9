import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { BUILT, ROOT } from './built.ts';
import { places } from './source-places.fixture.ts';
import { FILE_START, sourcePlaces } from './source-places.ts';

/** Builds one module as the apps are built, and loads it. */
async function built(contents: string): Promise<Record<string, unknown>> {
  // A folder of the root, as `dist/` is.
  const folder = mkdtempSync(join(ROOT, '.built-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const outfile = join(folder, 'module.js');
  await build({
    absWorkingDir: ROOT,
    stdin: { contents, resolveDir: import.meta.dirname, loader: 'ts' },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    banner: { js: FILE_START },
    plugins: [sourcePlaces],
    logLevel: 'silent',
  });
  return (await import(pathToFileURL(outfile).href)) as Record<string, unknown>;
}

test('a module has the place of its source', async () => {
  expect((await built(`export * from './source-places.fixture.ts'`)).places).toEqual(places);
});

test('and so has a CommonJS module', async () => {
  const { default: common } = await built(`export { default } from './common-js.fixture.cjs'`);
  const filename = join(import.meta.dirname, 'common-js.fixture.cjs');
  expect(common).toEqual({ dirname: import.meta.dirname, filename });
});

test('pg is the one that Prisma has', async () => {
  expect((await built(`export { Pool } from 'pg'`)).Pool).toBe(pg.Pool);
});

test('a module that asks where a package is, from dist/, is refused', async () => {
  const refused = built(`export { where } from './resolves.fixture.mjs'`);
  await expect(refused).rejects.toThrow('use createRequire(import.meta.url).resolve');
});

test('the built apps are ASCII', () => {
  // Files of earlier builds may be there, too.
  const files = Object.keys(JSON.parse(readFileSync(join(BUILT, 'modules.json'), 'utf8')) as object);
  expect(files).toContain('worker.js');
  for (const name of files) {
    const bytes = readFileSync(join(BUILT, name));
    expect(
      bytes.findIndex((byte) => byte > 127),
      name,
    ).toBe(-1);
  }
});
