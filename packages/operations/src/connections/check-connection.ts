import { type CheckOutcome, type EmrConnection, openAdapter } from '@emr-payments/emr';

/** Longest time that the EMR may take for all the calls of a check. */
const CHECK_MS = 30_000;

/**
 * Opens a connection as the worker would, and tries it without writing anything in the EMR.
 *
 * @returns `ok: false` with a sentence, also when base URL, credentials or settings cannot be used at all.
 */
export async function checkConnection(connection: EmrConnection): Promise<CheckOutcome> {
  let adapter: ReturnType<typeof openAdapter>;
  try {
    adapter = openAdapter(connection);
  } catch (error) {
    return { ok: false, reason: `${(error as Error).message}.` };
  }
  return adapter.check({ signal: AbortSignal.timeout(CHECK_MS) });
}
