import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';

/**
 * The credentials that a developer needs to act as the demo's integrator. They are kept in a file because the
 * database has only hashes.
 */
const DemoStateSchema = Type.Object({
  client_id: Type.String(),
  client_secret: Type.String(),
  access_token: Type.String(),
  user_id: Type.Integer(),
  endpoint_id: Type.String(),
  /** The users of the practices, by adapter. A file of an earlier version has none. */
  practices: Type.Optional(
    Type.Record(
      Type.String(),
      Type.Object({ user_id: Type.Integer(), access_token: Type.String() }, { additionalProperties: false }),
    ),
  ),
});
export type DemoState = Static<typeof DemoStateSchema>;

/** Reads the demo's credentials; null when the file is missing or cannot be read. */
export function readDemoState(file: string): DemoState | null {
  if (!existsSync(file)) return null;
  try {
    const state: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return Value.Check(DemoStateSchema, state) ? state : null;
  } catch {
    return null;
  }
}

/** Writes a JSON file that only its owner can read. The file is replaced as a whole: a reader never sees half of it. */
export function writePrivateJson(file: string, content: object): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
