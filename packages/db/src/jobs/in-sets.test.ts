import { afterEach, expect, test } from 'vitest';
import { createAcceptor } from '../accept/acceptor.ts';
import { SYSTEM } from '../audit/entry.ts';
import { openSets } from '../core/sets.ts';
import type { StatementDeps } from '../core/statements.ts';
import { claimDelivery } from '../delivery/claim-delivery.ts';
import type { ClaimedDelivery } from '../delivery/claimed-delivery.ts';
import { recordDelivery } from '../delivery/record-delivery.ts';
import { registerEndpoint } from '../endpoints/register-endpoint.ts';
import { startHold } from '../holds/switch-hold.ts';
import { beginAttempt } from '../posting/begin-attempt.ts';
import { claimPosting } from '../posting/claim-posting.ts';
import { settlePayment } from '../posting/settle-payment.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { createPractice } from '../testing/practice.ts';
import { feedJobs } from './feed-jobs.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Statements of which each runs by itself. */
const single = ({ database }: OpenPractice): StatementDeps => ({ database: { pool: database.pool } });

/** Statements that run in sets alone: one that is taken apart, or comes by itself, fails. */
function inSets({ database }: OpenPractice): StatementDeps {
  const query = () => Promise.reject(new Error('the set was taken apart'));
  const { connectionString: url = '', types } = database.pool.options;
  const sets = openSets({ alone: { pool: { query: query as never } }, config: { url, types } });
  closing.push(() => sets.close());
  return { database: { pool: database.pool, sets } };
}

/** A day in the life of two practices: among those that take effect, one job for each reason not to. @returns what is left behind. */
async function play(practice: OpenPractice, deps: StatementDeps): Promise<Record<string, unknown>> {
  const { database, clientPk } = practice;
  const sql = async (text: string) => (await database.pool.query(text)).rows;
  const other = await createPractice(practice, {
    connection: { concurrency: 50 },
    endpoint: { concurrency: 50 },
  });
  await registerEndpoint(practice, {
    clientPk,
    url: 'https://example.com/failed',
    eventTypes: ['payment.failed'],
    secret: `whsec_${Buffer.alloc(32).toString('base64')}`,
    concurrency: 50,
  });
  const acceptor = createAcceptor(practice);
  for (let n = 0; n < 12; n += 1) {
    const from = n % 4 === 3 ? other : practice;
    await acceptor.accept(from.input({ referenceNumber: `#${n}`, amount: `${n + 1}.00` }));
  }
  await sql('UPDATE lanes SET concurrency = 50, failures = 3');
  await sql(`UPDATE webhook_endpoints SET failing_since = now() - interval '1 hour'`);
  const due = (await feedJobs(practice, 100)).sort((a, b) => Number(a.id) - Number(b.id));
  const [first = '', second = ''] = due.map(({ id }) => id);

  await sql(`UPDATE jobs SET lease_until = now() + interval '1 minute' WHERE id = ${first}`);
  const claimed = await Promise.all(
    due.map(({ id, fence }) =>
      claimPosting(deps, { jobId: id, fence: id === second ? fence + 1 : fence, leaseMs: 60_000 }),
    ),
  );
  const postings = claimed.filter((posting) => posting !== null);
  const [lapsed, , doubted, stale] = postings;
  if (lapsed === undefined || doubted === undefined || stale === undefined)
    throw new Error('too few were claimed');

  // One lease has run out, one payment has an attempt in doubt, and of one client everything is on hold.
  await sql(`UPDATE jobs SET lease_until = now() - interval '1 s' WHERE id = ${lapsed.claim.jobId}`);
  await sql(
    `INSERT INTO posting_attempts (payment_id, number, outcome) VALUES ('${doubted.payment.id}', 0, 'unknown')`,
  );
  await startHold(practice, { scope: other, by: SYSTEM, reason: null });
  const begun = await Promise.all(
    postings.map(({ claim }) =>
      beginAttempt(deps, { claim, knownAbsent: claim === doubted.claim, sentTo: 'emr' }),
    ),
  );
  const sent = postings.filter((_, n) => begun[n]);
  const results = [
    { status: 'posted', emrTransactionId: '1' },
    { status: 'failed', failureCode: 'emr_refused', failureReason: 'No.' },
    { status: 'needs_review', failureCode: 'outcome_unknown', failureReason: 'Who knows?' },
  ] as const;
  const settled = await Promise.all(
    sent.map(({ claim, payment }, n) => {
      const result = results[n % 3] ?? results[0];
      const type = `payment.${result.status === 'posted' ? 'created' : result.status}`;
      return settlePayment(deps, {
        claim: claim === stale.claim ? { ...claim, fence: claim.fence - 1 } : claim,
        round: payment.round,
        clientPk: payment.clientPk,
        result,
        attempt:
          n % 2 === 0
            ? { outcome: result.status === 'posted' ? 'posted' : 'refused', detail: `"${n}", {x}` }
            : null,
        event: { id: `evt_${payment.referenceNumber}`, type, body: `{"n":"${n}\\\\"}` },
      });
    }),
  );
  const lanes = await sql('SELECT kind, failures FROM lanes ORDER BY id');

  const notices = await feedJobs(practice, 100);
  const taken = await Promise.all(
    notices.map(({ id, fence }) => claimDelivery(deps, { jobId: id, fence, leaseMs: 60_000 })),
  );
  const place = ({ event, endpoint }: ClaimedDelivery) => `${event.id} ${endpoint.url}`;
  const deliveries = taken
    .filter((delivery) => delivery !== null)
    .sort((a, b) => place(a).localeCompare(place(b)));
  const recorded = await Promise.all(
    deliveries.map(({ claim, clientPk }, n) =>
      recordDelivery(deps, {
        claim: n === 0 ? { ...claim, fence: claim.fence + 5 } : claim,
        clientPk,
        attempt: {
          startedAt: new Date(),
          durationMs: n,
          httpStatus: 200,
          errorKind: null,
          excerpt: n === 1 ? null : `"${n}`,
        },
        next: { status: 'delivered' },
        disabling: null,
      }),
    ),
  );
  const withoutIds = (list: (Record<string, unknown> | null)[]) =>
    JSON.parse(
      JSON.stringify(list, (key, value) =>
        /Ms$|^(id|url|jobId|laneId|deliveryId|clientPk|userId|userPublicId|unresolvedSentAt|unresolvedLeftBy|version|secrets|credentials)$/.test(
          key,
        ) && !`${value}`.startsWith('evt')
          ? typeof value
          : value,
      ),
    );
  return {
    claimed: withoutIds(claimed),
    begun,
    settled,
    lanes,
    taken: withoutIds(deliveries),
    recorded,
    jobs: await sql(`
      SELECT kind, fence, queued_at IS NULL AS waits, lease_until IS NULL AS free, tries FROM jobs ORDER BY id`),
    payments: await sql(`
      SELECT reference_number, status, round, emr_transaction_id, failure_code, failure_reason, last_fence, settled_at IS NULL AS open
        FROM payments ORDER BY job_id`),
    attempts: await sql(`
      SELECT p.reference_number, number, outcome, code, detail, sent_to, finished_at IS NULL AS open
        FROM posting_attempts JOIN payments p ON p.id = payment_id ORDER BY job_id, number`),
    events: await sql(`
      SELECT e.id, type, body, e.round, e.client_pk = u.client_pk AND e.user_id = u.id AND e.job_id = p.job_id AS of_payment
        FROM events e JOIN payments p ON p.id = payment_id JOIN users u ON u.id = p.user_id ORDER BY e.id`),
    deliveries: await sql(`
      SELECT d.event_id, e.url, d.event_type, status, attempts, d.finished_at IS NULL AS open, a.number, a.duration_ms, a.http_status, a.excerpt
        FROM deliveries d JOIN webhook_endpoints e ON e.id = endpoint_id LEFT JOIN delivery_attempts a ON a.event_id = d.event_id AND a.delivery_id = d.id
       ORDER BY d.event_id, e.url`),
    failing: await sql(
      'SELECT url, failing_since IS NULL AS healthy FROM webhook_endpoints ORDER BY lane_id',
    ),
    lanesAtLast: await sql('SELECT kind, failures FROM lanes ORDER BY id'),
  };
}

async function opened(): Promise<OpenPractice> {
  const practice = await openPractice({ concurrency: 50 });
  closing.push(() => practice.close());
  return practice;
}

test('a set does to each job what the single statement does, and to no other', async () => {
  const one = await opened();
  const many = await opened();
  const alone = await play(one, single(one));
  const together = await play(many, inSets(many));
  expect(together).toEqual(alone);
  const { claimed, begun, settled, recorded } = together as Record<string, unknown[]>;
  expect(claimed?.filter((posting) => posting === null).length).toBe(2);
  expect(begun?.filter(Boolean).length).toBe(6);
  expect(settled).toEqual([true, false, true, true, true, true]);
  expect(recorded?.filter((end) => !(end as { written: boolean }).written).length).toBe(1);
  // An EMR that answered, and an endpoint that took something, are healthy again.
  expect(together.lanes).toContainEqual({ kind: 'connection', failures: 0 });
  expect(together.lanesAtLast).toContainEqual({ kind: 'endpoint', failures: 0 });
});

test('the end of a delivery, and of a posting attempt, writes to no index', async () => {
  const practice = await opened();
  const deps = inSets(practice);
  const sql = async (text: string) => (await practice.database.pool.query(text)).rows;
  await sql('UPDATE lanes SET concurrency = 200');
  const acceptor = createAcceptor(practice);
  await Promise.all(Array.from({ length: 100 }, () => acceptor.accept(practice.input())));
  const due = await feedJobs(practice, 100);
  const postings = await Promise.all(
    due.map(({ id, fence }) => claimPosting(deps, { jobId: id, fence, leaseMs: 60_000 })),
  );
  const claims = postings.flatMap((posting) => (posting === null ? [] : [posting.claim]));
  await Promise.all(claims.map((claim) => beginAttempt(deps, { claim, knownAbsent: false, sentTo: 'emr' })));
  await Promise.all(
    claims.map((claim) =>
      settlePayment(deps, {
        claim,
        round: 0,
        clientPk: practice.clientPk,
        result: { status: 'posted', emrTransactionId: '1' },
        attempt: { outcome: 'posted' },
        event: { id: `evt_${claim.jobId}`, type: 'payment.created', body: '{}' },
      }),
    ),
  );
  // As many at once as an endpoint gets.
  let ended = 0;
  while (ended < 100) {
    const notices = await feedJobs(practice, 100);
    const deliveries = await Promise.all(
      notices.map(({ id, fence }) => claimDelivery(deps, { jobId: id, fence, leaseMs: 60_000 })),
    );
    const ends = deliveries.map((delivery) =>
      recordDelivery(deps, {
        claim: delivery?.claim ?? { jobId: '0', fence: 0 },
        clientPk: practice.clientPk,
        attempt: { startedAt: new Date(), durationMs: 1, httpStatus: 204, errorKind: null, excerpt: null },
        next: { status: 'delivered' },
        disabling: null,
      }),
    );
    const written = (await Promise.all(ends)).filter((end) => end.written).length;
    expect(written).toBeGreaterThan(0);
    ended += written;
  }
  // A session's counts are there when it has ended.
  await closing.pop()?.();
  await expect
    .poll(
      () =>
        sql(`SELECT inhparent::regclass::text AS relname, sum(n_tup_upd)::int AS changed, sum(n_tup_hot_upd) > 75 AS in_place
               FROM pg_stat_user_tables JOIN pg_inherits ON inhrelid = relid
              WHERE inhparent IN ('deliveries'::regclass, 'posting_attempts'::regclass) GROUP BY 1 ORDER BY 1`),
      { timeout: 10_000 },
    )
    .toEqual([
      { relname: 'deliveries', changed: 100, in_place: true },
      { relname: 'posting_attempts', changed: 100, in_place: true },
    ]);
});
