import { query, type StatementDeps } from '../core/statements.ts';

/** Number of payments and their exact sum, a decimal with two places. */
export type Tally = { count: number; amount: string };

export type ReconciliationTallies = {
  /** All payments; the other four tallies add up to it. */
  accepted: Tally;
  posted: Tally;
  failed: Tally;
  needs_review: Tally;
  open: Tally;
};

export type Reconciliation = {
  methods: ({ paymentMethod: string } & ReconciliationTallies)[];
  totals: ReconciliationTallies;
};

export type ReconcileOutcome =
  | { outcome: 'reconciled'; reconciliation: Reconciliation }
  /** There are more methods, or spellings of methods and locations, than one answer takes. */
  | { outcome: 'too_many_names' };

/** Most methods in one answer: an EMR has some dozens. The text of a payment's method is the integrator's. */
const MOST_METHODS = 1_000;
/** Most combinations of method, location and status in one date. Normalizing the names of one takes some 25 µs. */
const MOST_SPELLINGS = 20_000;

const COLUMNS = {
  accepted: 'true',
  posted: "status = 'posted'",
  failed: "status = 'failed'",
  needs_review: "status = 'needs_review'",
  open: "status IN ('accepted', 'posting', 'retrying', 'submitted')",
};

const tallies = Object.entries(COLUMNS).map(
  ([name, condition]) =>
    `coalesce(sum(payments) FILTER (WHERE ${condition}), 0)::int AS ${name}_count,
           coalesce(sum(amount) FILTER (WHERE ${condition}), 0)::numeric(38, 2)::text AS ${name}_amount`,
);

/**
 * Counts everything in one statement and so at one moment. Payment methods and the location are compared as names are
 * compared when a payment is posted (`normal_name`); each spelling of a day is normalized once, however many payments have
 * it. The first row, without a method, is the total; it exists even when there is no payment.
 */
export const RECONCILE = {
  name: 'reconcile',
  text: `
    WITH day AS MATERIALIZED (
      SELECT payment_method, location, status, count(*) AS payments, sum(amount) AS amount
        FROM payments
       WHERE user_id = $1 AND deposit_date = $2::date
       GROUP BY payment_method, location, status
    ), named AS (
      SELECT payment_method, status, payments, amount, normal_name(payment_method) AS method
        FROM (SELECT * FROM day LIMIT ${MOST_SPELLINGS}) AS part
       WHERE $3::text IS NULL OR location = $3 OR normal_name(location) = normal_name($3)
    )
    SELECT grouping(method) = 1 AS total, (SELECT count(*) FROM day) > ${MOST_SPELLINGS} AS cut,
           min(payment_method) AS payment_method, ${tallies.join(',\n           ')}
      FROM named
     GROUP BY GROUPING SETS ((method), ())
     ORDER BY 1 DESC, method
     LIMIT ${MOST_METHODS + 2}`,
};

type Row = { total: boolean; cut: boolean; payment_method: string | null } & Record<
  `${keyof typeof COLUMNS}_count`,
  number
> &
  Record<`${keyof typeof COLUMNS}_amount`, string>;

function talliesOf(row: Row): ReconciliationTallies {
  const tally = (name: keyof typeof COLUMNS): Tally => ({
    count: row[`${name}_count`],
    amount: row[`${name}_amount`],
  });
  return {
    accepted: tally('accepted'),
    posted: tally('posted'),
    failed: tally('failed'),
    needs_review: tally('needs_review'),
    open: tally('open'),
  };
}

/** Adds up what was accepted for one deposit date of one user, by payment method and present state. */
export async function reconcile(
  deps: StatementDeps,
  { userId, date, location }: { userId: number; date: string; location: string | null },
): Promise<ReconcileOutcome> {
  const rows = await query<Row>(deps, RECONCILE, [userId, date, location]);
  const [total, ...methods] = rows;
  if (total === undefined || !total.total) throw new Error('the reconciliation has no total');
  if (total.cut || methods.length > MOST_METHODS) return { outcome: 'too_many_names' };
  const reconciliation = {
    methods: methods.map((row) => ({ paymentMethod: row.payment_method ?? '', ...talliesOf(row) })),
    totals: talliesOf(total),
  };
  return { outcome: 'reconciled', reconciliation };
}
