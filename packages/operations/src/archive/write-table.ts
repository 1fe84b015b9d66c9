import { createWriteStream } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  type Actor,
  type ArchivedTable,
  copyOut,
  dropArchivedTable,
  type OwnerSession,
} from '@emr-payments/db';
import { createDigest, type Digest, digestFile } from './digest.ts';
import { csvName, type Manifest, OWN_FILE, readManifest, syncFolder, writeManifest } from './manifest.ts';

/** A file does not have what was written: a full or a broken disk. */
export class ArchiveFileError extends Error {
  override name = 'ArchiveFileError';
}

/** Copies the table into the file. @returns what PostgreSQL has sent, with its own count of the rows. */
async function copyToFile(session: OwnerSession, table: ArchivedTable, path: string): Promise<Digest> {
  const both = new PassThrough();
  const digest = createDigest();
  const file = createWriteStream(path, { mode: OWN_FILE, flags: 'w' });
  const [rows] = await Promise.all([
    copyOut(session, { table, to: both }),
    pipeline(
      both,
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          if (!digest.stream.write(chunk))
            await new Promise((resolve) => digest.stream.once('drain', resolve));
          yield chunk;
        }
      },
      file,
    ),
  ]);
  return { ...digest.end(), rows };
}

/**
 * Gives the whole file of an earlier time another name, which has the beginning of its digest: it may be the only copy of rows that another
 * database, or this one before it was restored, has dropped. Its manifest comes first, so that being killed leaves it to the next run.
 */
async function keepEarlier({ folder, name, earlier }: { folder: string; name: string; earlier: Manifest }) {
  const kept = `${name}.${earlier.sha256.slice(0, 12)}`;
  await writeManifest(folder, { ...earlier, file: csvName({ name: kept }) }, kept);
  await rename(join(folder, csvName({ name })), join(folder, csvName({ name: kept })));
}

/**
 * Writes one archived table into the folder, unless a whole file of it is there: the rows as CSV, and a manifest after them. The file is
 * read back before its manifest is written. It can be killed at any point: a name without `.part` is a whole file.
 *
 * @throws ArchiveFileError when the file that was read back is not what was sent.
 */
export async function writeTable(
  session: OwnerSession,
  { folder, table, again = false }: { folder: string; table: ArchivedTable; again?: boolean },
): Promise<{ manifest: Manifest; written: boolean }> {
  const name = csvName(table);
  const path = join(folder, name);
  const known = await readManifest(folder, table);
  const isWhole = known !== null && (await digestFile(path))?.sha256 === known.sha256;
  if (isWhole && !again) return { manifest: known, written: false };

  const sent = await copyToFile(session, table, `${path}.part`);
  const file = await open(`${path}.part`, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  const read = await digestFile(`${path}.part`);
  if (read === null || read.sha256 !== sent.sha256 || read.rows !== sent.rows) {
    throw new ArchiveFileError(
      `The file ${path}.part does not have the ${sent.rows} rows that were written to it.`,
    );
  }
  if (isWhole && known.sha256 !== sent.sha256)
    await keepEarlier({ folder, name: table.name, earlier: known });
  await rename(`${path}.part`, path);
  await syncFolder(folder);
  const { columns, table: of, since, upto, bound } = table;
  const manifest: Manifest = {
    format: 1,
    table: of,
    name: table.name,
    ...{ since, upto, bound, columns },
    ...sent,
    file: name,
  };
  await writeManifest(folder, manifest);
  return { manifest, written: true };
}

/**
 * Drops a table that was written, if its bytes are those of the file: it is locked and copied once more, and compared. What somebody
 * changed since is written again first.
 */
export async function dropWritten(
  session: OwnerSession,
  { folder, table, manifest, by }: { folder: string; table: ArchivedTable; manifest: Manifest; by: Actor },
): Promise<Manifest> {
  const isSame = async ({ sha256 }: Manifest): Promise<boolean> => {
    const digest = createDigest();
    await copyOut(session, { table, to: digest.stream });
    return digest.end().sha256 === sha256;
  };
  const drop = (of: Manifest) =>
    dropArchivedTable(session, {
      table,
      isWritten: () => isSame(of),
      by,
      detail: { rows: of.rows, sha256: of.sha256 },
    });
  if (await drop(manifest)) return manifest;
  const { manifest: newer } = await writeTable(session, { folder, table, again: true });
  if (await drop(newer)) return newer;
  throw new ArchiveFileError(`The table archive.${table.name} is being changed: it was not dropped.`);
}
