import type { ConnectionSetup } from '@emr-payments/db';
import { type CheckOutcome, openAdapter } from '@emr-payments/emr';

/** Longest that the EMR may take for all the calls of a check. */
const CHECK_MS = 30_000;

/**
 * Opens a connection as the worker would, and tries it without writing anything in the EMR.
 *
 * @returns why not, in a sentence, also when base URL, credentials or settings cannot be used at all.
 */
export async function checkConnection(
  setup: Pick<ConnectionSetup, 'adapter' | 'baseUrl' | 'credentials' | 'timeZone'> & {
    userId: number;
    settings: Record<string, unknown>;
  },
): Promise<CheckOutcome> {
  let adapter: ReturnType<typeof openAdapter>;
  try {
    adapter = openAdapter(setup);
  } catch (error) {
    return { ok: false, reason: `${(error as Error).message}.` };
  }
  return adapter.check({ signal: AbortSignal.timeout(CHECK_MS) });
}
