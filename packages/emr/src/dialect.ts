import type { EmrAdapter, EmrConnection } from './adapter.ts';
import type { AdapterDeps } from './adapter-deps.ts';
import type { AdapterDescription } from './description.ts';

/** Makes an adapter for a connection. @throws Error when base URL, credentials or settings cannot be used. */
export type AdapterFactory = (connection: EmrConnection, deps: AdapterDeps) => EmrAdapter;

/**
 * Reads the EMR's own patient id from the text of an operator's file, trimmed and not empty, in any form in which exports of
 * this EMR name a patient. A text that could mean another patient is refused: money is posted to this id.
 */
export type PatientIdReader = (
  text: string,
  connection: Pick<EmrConnection, 'baseUrl'>,
) => { ok: true; id: string } | { ok: false /** Follows the name of the column: `is …`. */; problem: string };

/**
 * Says why a row of an operator's file contradicts what the connection's settings say about MRNs; null when it does not. Money is
 * posted to `emrPatientId`.
 */
export type PatientRowReader = (
  row: { mrn: string; emrPatientId: string },
  connection: Pick<EmrConnection, 'settings'>,
) => string | null;

/**
 * Reads which payments a notice of the EMR names: what the EMR sent to the connection's address, parsed, and otherwise as it came
 * from the network. Anybody who knows the address can write it, so it proves nothing: it only makes the payments be looked up sooner.
 *
 * @returns ids as in `Posting`; none where the notice names none or is not understood. Never throws.
 */
export type NoticeReader = (body: unknown) => { paymentIds: readonly string[] };

/** One EMR's API: what a folder below `dialects/` exports. */
export type Dialect = {
  readonly description: AdapterDescription;
  readonly open: AdapterFactory;
  readonly readPatientId: PatientIdReader;
  /** Present where the settings say which of the EMR's numbers an MRN is. */
  readonly contradiction?: PatientRowReader;
  /** Present exactly where the description has `notices`. */
  readonly readNotice?: NoticeReader;
};
