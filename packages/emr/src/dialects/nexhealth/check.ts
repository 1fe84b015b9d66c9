import { sentence } from '@emr-payments/contracts';
import type { CheckOutcome } from '../../adapter.ts';
import type { CallOptions } from '../../calls.ts';
import { failedCheck } from '../../failed-check.ts';
import { refusalSentence } from '../../http/refusal-sentence.ts';
import { searchLocation } from './find-posting.ts';
import { readLists } from './lists.ts';
import type { Failed } from './read.ts';
import type { NexConnection } from './settings.ts';
import { readSyncState } from './sync-status.ts';

/** No payment of ours has this id. */
const NO_PAYMENT = '0'.repeat(32);
/** Entries that a reason names. */
const MOST_SHOWN = 20;
const FINANCIAL_DATA =
  ' NexHealth turns financial data on for an API key when it is asked to: write to its support, and name the practice.';
const RED =
  "NexHealth cannot write into the practice's system now (sync_status): payments are accepted, and wait until it can.";

const refused = ({ refusal, trouble }: Failed): CheckOutcome =>
  failedCheck(
    `${refusalSentence(refusal, trouble)}${trouble.code === 'forbidden' ? FINANCIAL_DATA : ''}`,
    trouble,
  );

/**
 * Checks what posting needs and can be tried without writing: the token, the practice's locations and payment types, the search by
 * transaction id, and the link to the practice's system. Whether the key may write is known only after the first payment.
 */
export async function checkNexConnection(nex: NexConnection, options: CallOptions): Promise<CheckOutcome> {
  const { subdomain, location_id: only } = nex.settings;
  const read = await readLists(nex, options);
  if (!read.ok) return refused(read);
  const { methods, locations } = read.lists;
  const shown = read.unusable.filter((_entry, place) => place < MOST_SHOWN);
  const unusable = shown.length === 0 ? '' : ` Not usable: ${shown.join('; ')}.`;
  const [first] = locations;
  if (first === undefined) {
    const which = only === undefined ? 'no location' : `no active location ${only}`;
    return {
      ok: false,
      reason: `GET /locations shows ${which} of the practice with the subdomain '${subdomain}'.${unusable}`,
      trouble: { code: 'list_not_found', detail: sentence`The EMR lists no location.` },
    };
  }
  if (methods.length === 0)
    return {
      ok: false,
      reason: `GET /payment_types shows no active payment type.${unusable}`,
      trouble: { code: 'list_not_found', detail: sentence`The EMR lists no payment type.` },
    };
  const searched = await searchLocation(nex, { locationId: first.id, paymentId: NO_PAYMENT }, options);
  if (!searched.ok) return refused(searched);
  if (searched.errorSaid || searched.rows.length > 0)
    return {
      ok: false,
      reason: 'GET /payments does not search by transaction_id: it shows other payments.',
      trouble: {
        code: 'search_not_honoured',
        detail: sentence`The EMR does not search for payments as it was asked to.`,
      },
    };
  const sync = await readSyncState(
    nex,
    locations.map(({ id }) => id),
    options,
  );
  if (!sync.ok) return refused(sync);
  return {
    ok: true,
    methods: methods.length,
    locations: locations.length,
    unusable: read.unusable,
    settings: {},
    statement: { systems: sync.sources.join(', ') || null },
    remarks: sync.writes ? [] : [RED],
  };
}
