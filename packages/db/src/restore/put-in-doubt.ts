import type { PaymentStatus } from '@emr-payments/contracts';
import type { Actor } from '../audit/entry.ts';
import { AUDIT_VALUES, auditCte, auditValues } from '../audit/record-audit.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { DECIDED } from '../lineage/lineage-statements.ts';
import { FENCE_STEP, HIGHEST_RAISED_ROUND, ROUND_STEP } from './fence-step.ts';
import { FORMER_CONNECTION, findMovedUsers } from './leave-doubts.ts';

/** Payments that one statement looks at, posted ones included. */
const PAGE = 20_000;

/** By its bounds, so that PostgreSQL opens the page's partitions: with a join to its ids it reads every payment for every page. */
const IN_PAGE = 'p.id > :after::uuid AND p.id <= (SELECT id FROM page ORDER BY id DESC LIMIT 1)';

/** Before every uuid. */
const FIRST = '00000000-0000-0000-0000-000000000000';

/** The code of the attempt that stands for what may have been sent in the lost time. */
const RESTORED = 'restored';

const DETAIL =
  'The database was restored from a backup that was taken at this time. Whatever was sent afterwards is not recorded.';

/**
 * Puts the payments of one page in doubt: each one that is not posted gets an attempt with an unknown outcome. Every path
 * to the EMR asks about those first, or, where the EMR cannot be asked, ends in a review.
 *
 * - A failed payment gets one too: a person may have retried it in the lost time. So does one in review: somebody may have
 *   decided about it. Their states stay; the attempt counts when a person retries or decides.
 * - `sent_at` is the time of the backup, from which a look-up has to search; `finished_at` is now, from which `settle_ms`
 *   counts.
 * - Where it was sent is not known. That counts as the place of the connection, unless that leads to another one since the backup
 *   (`leaveRestoredDoubts`): then nothing is called absent, and a person looks.
 * - The number is minus the id of the restore. It collides with no claim's fence, and makes a repeated run change nothing.
 * - The round is raised, so that later events have a greater `sequence` than those of the lost time.
 * - The horizon of an open payment begins again: the time between the backup and now was not used to try it.
 */
const PUT = named({
  name: 'put-in-doubt',
  values: ['after', 'restoreId', 'since', 'startedAt', 'code', 'detail', 'moved', 'former'],
  text: `
    WITH page AS MATERIALIZED (
      SELECT id FROM payments WHERE id > :after::uuid ORDER BY id LIMIT ${PAGE}
    ), unposted AS MATERIALIZED (
      SELECT p.id, p.job_id, p.status, p.user_id FROM payments p
       WHERE ${IN_PAGE} AND p.status <> 'posted' AND p.created_at < :startedAt::timestamptz ORDER BY p.id FOR UPDATE
    ), doubted AS (
      INSERT INTO posting_attempts (payment_id, number, sent_at, finished_at, outcome, code, detail, sent_to)
      SELECT id, -:restoreId::int, :since::timestamptz, now(), 'unknown', :code, :detail, CASE WHEN user_id = ANY (:moved::int[]) THEN :former END FROM unposted
      ON CONFLICT DO NOTHING
      RETURNING payment_id
    ), fences AS (
      UPDATE payments p
         SET last_fence = p.last_fence + ${FENCE_STEP},
             round = greatest(p.round, least(p.round + ${ROUND_STEP}, ${HIGHEST_RAISED_ROUND})),
             tried_since = CASE WHEN p.settled_at IS NULL THEN now() ELSE p.tried_since END
        FROM doubted WHERE p.id = doubted.payment_id AND ${IN_PAGE}
    ), jobs_raised AS (
      UPDATE jobs j SET fence = j.fence + ${FENCE_STEP}, queued_at = NULL, lease_until = NULL
        FROM unposted JOIN doubted ON doubted.payment_id = unposted.id
       WHERE j.id = unposted.job_id AND j.kind = 'post_payment'
    ), counts AS (
      SELECT status, count(*) AS n FROM unposted JOIN doubted ON doubted.payment_id = unposted.id GROUP BY status
    )
    SELECT (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last,
           coalesce((SELECT json_object_agg(status, n) FROM counts), '{}') AS counts`,
});

/** What was noticed about lost commits is decided with it: whatever may be lost is in doubt. */
const FINISH = named({
  name: 'finish-restore',
  values: ['restoreId', ...AUDIT_VALUES],
  text: `
    WITH restore AS (
      UPDATE restores SET finished_at = now() WHERE id = :restoreId AND finished_at IS NULL RETURNING id
    ), decided AS (
      UPDATE lineage SET ${DECIDED} FROM restore
    ), ${auditCte({ from: 'restore' })}
    SELECT id FROM restore`,
});

/** How many payments of each state were put in doubt by this run. */
export type Doubted = Partial<Record<PaymentStatus, number>>;

type Row = { last: string | null; counts: Doubted };

/** Puts every payment in doubt that is not posted and was accepted before the restore. It can be interrupted and repeated. */
export async function putInDoubt(
  deps: StatementDeps,
  input: {
    restoreId: number;
    since: Date;
    startedAt: Date;
    by: Actor;
    onProgress?: (doubted: Doubted) => void;
  },
): Promise<Doubted> {
  const { restoreId, since, startedAt, by, onProgress } = input;
  const doubted: Doubted = {};
  const moved = await findMovedUsers(deps, { since });
  let after: string | null = FIRST;
  while (after !== null) {
    const values: unknown[] = PUT.values({
      after,
      restoreId,
      since,
      startedAt,
      code: RESTORED,
      detail: DETAIL,
      moved,
      former: FORMER_CONNECTION,
    });
    const [row]: Row[] = await query<Row>(deps, PUT, values);
    for (const [status, n] of Object.entries(row?.counts ?? {}) as [PaymentStatus, number][]) {
      doubted[status] = (doubted[status] ?? 0) + n;
    }
    onProgress?.(doubted);
    after = row?.last ?? null;
  }
  const audit = auditValues({
    ...by,
    action: 'restore.finish',
    subject: `restore:${since.toISOString()}`,
    outcome: 'done',
    detail: doubted,
  });
  await query(deps, FINISH, FINISH.values({ restoreId, ...audit }));
  return doubted;
}
