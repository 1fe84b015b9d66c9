import { FAILURE_CODES, isFailureCode } from '@emr-payments/contracts';
import { type Keyring, seal } from '@emr-payments/runtime';
import { query, type StatementDeps } from '../core/statements.ts';
import { emrTextRow } from '../posting/emr-text-row.ts';

/** The words with which version 0.1.0 and earlier ones began a reason that quotes the EMR. No sentence of today begins so. */
const QUOTE = 'The EMR refused the payment: ';
/** The sentences that those versions put behind the quotation. */
const ENDINGS = [
  ' There is no way to ask it whether it took the payment.',
  ' The retry horizon has ended, and the EMR does not have the payment.',
  ' The retry horizon has ended.',
];

/** Rows that one statement reads: it stays far below the time limit of statements, whatever the size of the table. */
const READ = 2_000;

/** $1, $2: the last row of the page before. The last row of this page is returned too, without a detail. */
const ATTEMPTS = {
  name: 'old-emr-text-attempts',
  text: `
    WITH page AS (
      SELECT payment_id, number, detail FROM posting_attempts WHERE (payment_id, number) > ($1::uuid, $2::int)
       ORDER BY payment_id, number LIMIT ${READ}
    ), last AS (
      SELECT payment_id, number FROM page ORDER BY payment_id DESC, number DESC LIMIT 1
    )
    SELECT page.payment_id, page.number, CASE WHEN starts_with(page.detail, $3) THEN page.detail END AS old
      FROM page, last
     WHERE starts_with(page.detail, $3) OR (page.payment_id, page.number) = (last.payment_id, last.number)
     ORDER BY page.payment_id, page.number`,
};

const SEAL_ATTEMPT = {
  name: 'seal-old-emr-text-attempt',
  text: `
    UPDATE posting_attempts SET detail = $4, emr_text = coalesce(emr_text, $5)
     WHERE payment_id = $1 AND number = $2 AND detail = $3`,
};

/** $1 to $3: the last row of the page before. `number` is that of the payment's last attempt, about which the words are. */
const PAYMENTS = {
  name: 'old-emr-text-payments',
  text: `
    WITH page AS (
      SELECT p.user_id, p.created_at, p.id, p.failure_code, p.failure_reason FROM payments p
       WHERE p.failure_code IS NOT NULL AND (p.user_id, p.created_at, p.id) > ($1::int, $2::timestamptz, $3::uuid)
       ORDER BY p.user_id, p.created_at, p.id LIMIT ${READ}
    ), last AS (
      SELECT id FROM page ORDER BY user_id DESC, created_at DESC, id DESC LIMIT 1
    )
    SELECT page.user_id, page.created_at::text, page.id, page.failure_code, coalesce(c.share_emr_text, false) AS shared,
           CASE WHEN starts_with(page.failure_reason, $4) THEN page.failure_reason END AS old,
           (SELECT max(number) FROM posting_attempts a WHERE a.payment_id = page.id) AS number
      FROM last, page LEFT JOIN connections c ON c.user_id = page.user_id
     WHERE starts_with(page.failure_reason, $4) OR page.id = last.id
     ORDER BY page.user_id, page.created_at, page.id`,
};

const SEAL_PAYMENT = {
  name: 'seal-old-emr-text-payment',
  text: `
    WITH payment AS (
      UPDATE payments SET failure_reason = $4 WHERE id = $1 AND failure_reason = $3 RETURNING id
    )
    UPDATE posting_attempts a SET emr_text = coalesce(a.emr_text, $5) FROM payment
     WHERE a.payment_id = payment.id AND a.number = $2`,
};

export type SealOldCounts = {
  /** Reasons of payments, and details of attempts, from which the EMR's words were moved. */
  payments: number;
  attempts: number;
  /** Reasons that were left, because the connection of their user says `share_emr_text`. */
  shared: number;
  /** Reasons that were left, because the payment has no attempt to which the words could be moved. */
  left: number;
};

/** Takes the EMR's words out of a reason of an earlier version. */
function wordsOf(old: string): string {
  const quoted = old.slice(QUOTE.length);
  const ending = ENDINGS.find((each) => quoted.endsWith(each)) ?? '';
  return quoted.slice(0, quoted.length - ending.length);
}

type Deps = StatementDeps & { keyring: Keyring };
type Options = { dryRun: boolean; onProgress?: (read: number) => void };

async function sealAttempts({ keyring, ...deps }: Deps, { dryRun, onProgress }: Options): Promise<number> {
  let sealed = 0;
  let after: [string, number] = ['00000000-0000-0000-0000-000000000000', -1];
  for (let pages = 1; ; pages += 1) {
    type Row = { payment_id: string; number: number; old: string | null };
    const rows = await query<Row>(deps, ATTEMPTS, [...after, QUOTE]);
    const last = rows.at(-1);
    if (last === undefined) return sealed;
    for (const { payment_id: paymentId, number, old } of rows) {
      if (old === null) continue;
      sealed += 1;
      if (dryRun) continue;
      const words = seal(keyring, emrTextRow({ paymentId, number }), wordsOf(old));
      await query(deps, SEAL_ATTEMPT, [paymentId, number, old, FAILURE_CODES.emr_refused.says, words]);
    }
    onProgress?.(pages * READ);
    after = [last.payment_id, last.number];
  }
}

async function sealPayments(
  { keyring, ...deps }: Deps,
  { dryRun, onProgress }: Options,
): Promise<Omit<SealOldCounts, 'attempts'>> {
  const counts = { payments: 0, shared: 0, left: 0 };
  let after: [number, string, string] = [-1, '-infinity', '00000000-0000-0000-0000-000000000000'];
  for (let pages = 1; ; pages += 1) {
    type Row = {
      user_id: number;
      created_at: string;
      id: string;
      failure_code: string;
      shared: boolean;
      old: string | null;
      number: number | null;
    };
    const rows = await query<Row>(deps, PAYMENTS, [...after, QUOTE]);
    const last = rows.at(-1);
    if (last === undefined) return counts;
    for (const { id, failure_code: code, shared, old, number } of rows) {
      if (old === null) continue;
      counts[shared ? 'shared' : number === null ? 'left' : 'payments'] += 1;
      if (shared || number === null || dryRun) continue;
      const words = seal(keyring, emrTextRow({ paymentId: id, number }), wordsOf(old));
      const { says } = FAILURE_CODES[isFailureCode(code) ? code : 'emr_refused'];
      await query(deps, SEAL_PAYMENT, [id, number, old, says, words]);
    }
    onProgress?.(pages * READ);
    after = [last.user_id, last.created_at, last.id];
  }
}

/**
 * Moves the EMR's own words out of the reasons of payments and the details of attempts into the sealed column of the attempt,
 * and puts our sentence for the code in their place. Every row is compared with what was read, so a payment that is retried or
 * resolved meanwhile is not touched. It may be stopped and run again. Events are not changed: they have been sent as they are.
 *
 * @param options.onProgress called after each page with about the number of rows read so far.
 */
export async function sealOldEmrText(deps: Deps, options: Options): Promise<SealOldCounts> {
  // The attempts first: their words are then in place when the reason of the payment quotes the same.
  const attempts = await sealAttempts(deps, options);
  return { attempts, ...(await sealPayments(deps, options)) };
}
