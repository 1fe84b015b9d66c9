import { mkdir, open, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { OWN_FILE, OWN_FOLDER } from './manifest.ts';

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

/**
 * Makes a folder and those above it that are missing. `mkdir` with `recursive` never ends where a file system refuses a name with
 * ENOENT, as /proc does.
 */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: OWN_FOLDER });
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && (await stat(folder)).isDirectory()) return;
    if (codeOf(error) !== 'ENOENT' || dirname(folder) === folder) throw error;
    await makeFolder(dirname(folder));
    await mkdir(folder, { mode: OWN_FOLDER });
  }
}

/**
 * Makes the folder of an archive, if it is missing, and tries to write to it, so that one that takes no file is found before anything
 * is moved.
 *
 * @throws the error of the file system, with its `code`.
 */
export async function prepareFolder(folder: string): Promise<void> {
  await makeFolder(folder);
  const tried = join(folder, '.emr-payments-archive.part');
  const file = await open(tried, 'w', OWN_FILE);
  try {
    await file.writeFile('x');
    await file.sync();
  } finally {
    await file.close();
    await rm(tried, { force: true });
  }
}
