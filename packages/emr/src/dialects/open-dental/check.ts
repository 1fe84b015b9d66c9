import { sentence } from '@emr-payments/contracts';
import type { CheckOutcome } from '../../adapter.ts';
import type { CallOptions } from '../../calls.ts';
import { type FailedCheck, failedCheck } from '../../failed-check.ts';
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
async function searchProblem(
  connection: OpenDentalConnection,
  options: CallOptions,
): Promise<FailedCheck | null> {
  const query = { DateEntry: dayAhead(new Date(), connection.timeZone) };
  const read = await readRows(
    connection,
    { resource: '/payments', key: 'PayNum', query, schema: PaymentRow, unshared: true },
    options,
  );
  const reasonFor = (why: string) => `Payments cannot be searched for: ${why}`;
  if (!read.ok) return failedCheck(reasonFor(refused(read)), read.trouble);
  if (read.seen === 0) return null;
  const reason = reasonFor('GET /payments ignores DateEntry. Open Dental 23.3.11 or later is needed.');
  const detail = sentence`The EMR does not search for payments as it was asked to.`;
  return failedCheck(reason, { code: 'search_not_honoured', detail });
}

/** Checks what posting needs and can be tried without writing: the practice's lists and the look-up for payments. */
export async function checkOpenDental(
  connection: OpenDentalConnection,
  options: CallOptions,
): Promise<CheckOutcome> {
  const read = await readLists(connection, options);
  if (!read.ok) return failedCheck(refused(read), read.trouble);
  const { methods, locations } = read.lists;
  const unusable = read.unusable.length === 0 ? '' : ` Not usable: ${read.unusable.join('; ')}.`;
  if (methods.length === 0)
    return failedCheck(`GET /definitions lists no payment type (category 10).${unusable}`, {
      code: 'list_not_found',
      detail: sentence`The EMR lists no payment type.`,
    });
  const given = connection.given.has('clinics');
  if (given && connection.settings.clinics && locations.length === 0)
    return failedCheck(`GET /clinics lists no clinic, but the setting clinics is true.${unusable}`, {
      code: 'list_not_found',
      detail: sentence`The EMR lists no clinic.`,
    });
  const problem = await searchProblem(connection, options);
  if (problem !== null) return problem;
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
