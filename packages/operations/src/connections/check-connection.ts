import type {
  Capability,
  CheckOutcome,
  CheckTrouble,
  ConnectionDescription,
  EmrConnection,
  NetworkOwner,
} from '@emr-payments/emr';
import { openOver, type SharedAdapterDeps } from './adapter-deps.ts';

/** Longest time that the EMR may take for all the calls of a check. */
const CHECK_MS = 30_000;

type Checked = Extract<CheckOutcome, { ok: true }>;
export type CheckedConnection =
  /** `capability`, `described`: those of the connection with the settings that were read. */
  | (Checked & { capability: Capability; described: ConnectionDescription })
  /** `trouble`: null when no call was made, because the connection cannot be opened as it is set up. */
  | { ok: false; reason: string; trouble: CheckTrouble | null };

/**
 * Opens a connection with the settings that the operator gave, and tries it without writing anything in the EMR.
 *
 * @returns `ok: false` with a sentence, also when base URL, credentials or settings cannot be used at all.
 */
export async function checkConnection(
  deps: SharedAdapterDeps,
  connection: EmrConnection & NetworkOwner,
): Promise<CheckedConnection> {
  try {
    const checked = await openOver(deps, connection).check({
      signal: AbortSignal.timeout(CHECK_MS),
    });
    if (!checked.ok) return checked;
    const settings = { ...connection.settings, ...checked.settings };
    const adapter = openOver(deps, { ...connection, settings });
    return { ...checked, capability: adapter.capability, described: adapter.describe() };
  } catch (error) {
    return { ok: false, reason: `${(error as Error).message}.`, trouble: null };
  } finally {
    // A check that ended early may have left a renewal running: what the vendor gives is stored before the process ends.
    await deps.settled();
  }
}
