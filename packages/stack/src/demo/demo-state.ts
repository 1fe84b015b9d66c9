import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';

/** What a developer needs to act as the demo's integrator. The database has only hashes of it, so it is kept here. */
const DemoStateSchema = Type.Object({
  client_id: Type.String(),
  client_secret: Type.String(),
  access_token: Type.String(),
  user_id: Type.Integer(),
  endpoint_id: Type.String(),
});
export type DemoState = Static<typeof DemoStateSchema>;

/** Null when there is none, or none that can be read. */
export function readDemoState(file: string): DemoState | null {
  if (!existsSync(file)) return null;
  try {
    const state: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return Value.Check(DemoStateSchema, state) ? state : null;
  } catch {
    return null;
  }
}

/** Writes a JSON file that only its owner reads, whole or not at all. */
export function writePrivateJson(file: string, content: object): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
