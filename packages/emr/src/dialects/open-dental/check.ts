import type { CheckOutcome } from '../../adapter.ts';
import type { CallOptions } from '../../calls.ts';
import { refusalSentence } from '../../http/refusal-sentence.ts';
import { PaymentRow } from './find-posting.ts';
import { readLists } from './lists.ts';
import { dayAhead } from './office-day.ts';
import { type Failed, readRows } from './rows.ts';
import type { OpenDentalConnection } from './settings.ts';

/** Rights are given to each key by permission, and a key that reads payments may still be refused writing. */
export const WRITING =
  'Whether the keys may write payments (permission ApiPayments) is known only after the first payment.';

const refused = ({ refusal, trouble }: Failed) => refusalSentence(refusal, trouble);

/**
 * Tries the look-up for payments, on which exactly-once posting depends, for a day on which the office has entered nothing yet: no
 * patient's payments are read. @returns why it does not work; null when it does.
 */
async function searchProblem(connection: OpenDentalConnection, options: CallOptions): Promise<string | null> {
  const query = { DateEntry: dayAhead(new Date(), connection.timeZone) };
  const read = await readRows(
    connection,
    { resource: '/payments', key: 'PayNum', query, schema: PaymentRow, unshared: true },
    options,
  );
  if (!read.ok) return `Payments cannot be searched for: ${refused(read)}`;
  if (read.seen === 0) return null;
  return 'Payments cannot be searched for: GET /payments ignores DateEntry. Open Dental 23.3.11 or later is needed.';
}

/** Checks what posting needs and can be tried without writing: the practice's lists and the look-up for payments. */
export async function checkOpenDental(
  connection: OpenDentalConnection,
  options: CallOptions,
): Promise<CheckOutcome> {
  const read = await readLists(connection, options);
  if (!read.ok) return { ok: false, reason: refused(read) };
  const { methods, locations } = read.lists;
  const unusable = read.unusable.length === 0 ? '' : ` Not usable: ${read.unusable.join('; ')}.`;
  if (methods.length === 0)
    return { ok: false, reason: `GET /definitions lists no payment type (category 10).${unusable}` };
  const given = connection.given.has('clinics');
  if (given && connection.settings.clinics && locations.length === 0)
    return { ok: false, reason: `GET /clinics lists no clinic, but the setting clinics is true.${unusable}` };
  const problem = await searchProblem(connection, options);
  if (problem !== null) return { ok: false, reason: problem };
  const clinics = given ? connection.settings.clinics : locations.length > 0;
  return {
    ok: true,
    methods: methods.length,
    locations: clinics ? locations.length : null,
    unusable: read.unusable,
    settings: given ? {} : { clinics },
    statement: {},
    remarks: [WRITING],
  };
}
