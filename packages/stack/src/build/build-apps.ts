import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { BUILT, ROOT } from './built.ts';
import { FILE_START, sourcePlaces } from './source-places.ts';

const APPS = ['api', 'worker', 'cli', 'emr-sandbox', 'webhook-inbox'] as const;

/** Which modules each file of `dist/` contains, by their paths below the root: for the tests of what a process loads. */
const MODULES = 'modules.json';

/** Replaces a file at once, since a process of an earlier build may be starting. Of one that is right already only the time is changed. */
async function write(name: string, contents: Uint8Array): Promise<void> {
  const file = join(BUILT, name);
  if (existsSync(file) && Buffer.compare(await readFile(file), contents) === 0) {
    const now = new Date();
    return utimes(file, now, now);
  }
  const aside = `${file}.${process.pid}`;
  await writeFile(aside, contents);
  await rename(aside, file);
}

/** Processes of earlier builds load files late: what no build of the last day had is removed. */
const KEPT_MS = 86_400_000;

async function removeOld(isNew: (name: string) => boolean): Promise<void> {
  for (const name of await readdir(BUILT)) {
    if (isNew(name)) continue;
    const file = join(BUILT, name);
    // Another build may remove it, or give it its own name, at the same time.
    const found = await stat(file).catch(() => null);
    if (found !== null && found.mtimeMs < Date.now() - KEPT_MS) await rm(file, { force: true });
  }
}

/**
 * Writes what esbuild leaves as it is, in regular expressions and the comments of an expression. Strings are escaped already. One letter
 * that is not ASCII doubles the memory that V8 takes for the text of its file.
 */
const asAscii = (code: string): string =>
  code.replace(/[\u0080-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);

function modulesOf({ outputs }: Metafile): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(outputs).map(([path, { inputs }]) => [basename(path), Object.keys(inputs)]),
  );
}

/**
 * Makes `dist/`: a file for each app, and files that apps share or load late. docs/decisions/0029-built-apps.md says why. The source and
 * node_modules have to stay where they are: what is not a module is read from there.
 *
 * @throws esbuild's error, with the place, when a module cannot be read or found.
 */
export async function buildApps(): Promise<void> {
  await mkdir(BUILT, { recursive: true });
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: Object.fromEntries(APPS.map((app) => [app, join('apps', app, 'src', 'main.ts')])),
    outdir: relative(ROOT, BUILT),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    charset: 'ascii',
    legalComments: 'none',
    banner: { js: FILE_START },
    plugins: [sourcePlaces],
    metafile: true,
    write: false,
    logLevel: 'error',
  });
  const files = new Map(outputFiles.map(({ path, text }) => [basename(path), Buffer.from(asAscii(text))]));
  files.set(MODULES, Buffer.from(JSON.stringify(modulesOf(metafile))));
  await Promise.all([...files].map(([name, contents]) => write(name, contents)));
  await removeOld((name) => files.has(name));
}

/** Returns the paths of the modules that a file of `dist/` contains, by that file's name; none for another file. */
export function modulesIn(file: string): readonly string[] {
  const all = JSON.parse(readFileSync(join(BUILT, MODULES), 'utf8')) as Record<string, string[]>;
  return Object.hasOwn(all, file) ? (all[file] ?? []) : [];
}
