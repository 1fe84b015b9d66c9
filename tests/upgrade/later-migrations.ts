import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MIGRATIONS = join(import.meta.dirname, '..', '..', 'prisma', 'migrations');

/**
 * One expand step of each kind that docs/decisions/0025-expand-and-contract.md permits. Few releases have all of them, and the previous release has to
 * bear each: on tables that every payment passes, one of them in partitions.
 */
const LATER: Readonly<Record<string, string>> = {
  '29990101000000_nullable_column': 'ALTER TABLE payments ADD COLUMN later_note text;',
  '29990101000100_column_with_default': 'ALTER TABLE jobs ADD COLUMN later_count integer NOT NULL DEFAULT 0;',
  '29990101000200_table':
    'CREATE TABLE later_notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payment_id text NOT NULL, note text NOT NULL CHECK (length(note) > 0));',
  '29990101000300_index': 'CREATE INDEX CONCURRENTLY jobs_later_idx ON jobs (run_at, tries);',
  '29990101000400_index_of_partitions':
    'CREATE INDEX CONCURRENTLY payments_later_idx ON payments (amount, created_at);',
  '29990101000500_function':
    'CREATE FUNCTION later_note_of(payment text) RETURNS text LANGUAGE sql STABLE AS $$ SELECT note FROM later_notes WHERE payment_id = payment; $$;',
  '29990101000600_enum_value': "ALTER TYPE job_kind ADD VALUE 'later_kind';",
};

/** Returns a folder with the migrations of this version and the later ones. */
export function withLaterMigrations(): { folder: string; later: string[]; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-later-migrations-'));
  cpSync(MIGRATIONS, folder, { recursive: true });
  for (const [name, script] of Object.entries(LATER)) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'migration.sql'), `${script}\n`);
  }
  return {
    folder,
    later: Object.keys(LATER),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
