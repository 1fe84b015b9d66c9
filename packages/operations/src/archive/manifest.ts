import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArchivedTable } from '@emr-payments/db';
import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';

/** Describes what was written of one archived table: the file beside `<name>.csv`. */
export const ManifestSchema = Type.Object({
  format: Type.Literal(1),
  table: Type.String(),
  name: Type.String(),
  /** The times of its ids; null: from the first one on. */
  since: Type.Union([Type.String(), Type.Null()]),
  upto: Type.String(),
  /** The clause with which the table can be attached again. */
  bound: Type.String(),
  columns: Type.Array(Type.String()),
  /** Without the line of names. */
  rows: Type.Integer({ minimum: 0 }),
  bytes: Type.Integer({ minimum: 0 }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  file: Type.String(),
});
export type Manifest = Static<typeof ManifestSchema>;

/** Only the account that archives may read what is written: it is data of patients. */
export const OWN_FILE = 0o600;
export const OWN_FOLDER = 0o700;

export const csvName = ({ name }: Pick<ArchivedTable, 'name'>) => `${name}.csv`;
const manifestName = ({ name }: Pick<ArchivedTable, 'name'>) => `${name}.json`;

/** Makes the names of a folder's files durable. */
export async function syncFolder(folder: string): Promise<void> {
  const opened = await open(folder, 'r');
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}

/** Writes a manifest, which says that its file is complete: so it is durable only after that. */
export async function writeManifest(folder: string, manifest: Manifest, name = manifest.name): Promise<void> {
  const path = join(folder, manifestName({ name }));
  const file = await open(`${path}.part`, 'w', OWN_FILE);
  try {
    await file.writeFile(`${JSON.stringify(manifest, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, path);
  await syncFolder(folder);
}

/** @returns null when there is none, or none that this version understands: then the file is written again. */
export async function readManifest(folder: string, table: ArchivedTable): Promise<Manifest | null> {
  try {
    const value: unknown = JSON.parse(await readFile(join(folder, manifestName(table)), 'utf8'));
    return Value.Check(ManifestSchema, value) && value.name === table.name ? value : null;
  } catch {
    return null;
  }
}
