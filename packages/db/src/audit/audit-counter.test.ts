import { newPaymentId, paymentIdToUuid } from '@emr-payments/contracts';
import { hashSecret } from '@emr-payments/runtime';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type AuditCounterOptions, createAuditCounter } from '../index.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { createPractice, type Practice } from '../testing/practice.ts';

let practice: OpenPractice;
let other: Practice;
let paymentId: string;
/** The audit log refuses DELETE: each test reads from here on. */
let from = 0n;

beforeAll(async () => {
  practice = await openPractice();
  other = await createPractice(practice);
  paymentId = newPaymentId();
  await practice.database.pool.query(
    `INSERT INTO payments (id, job_id, user_id, patient_mrn, emr_patient_id, payment_method, reference_number, location, amount,
                           deposit_date)
     VALUES ($1, 4711, $2, 'MRN-1', 'p', 'Card', '#1', 'x', 1, '2026-06-15')`,
    [paymentIdToUuid(paymentId), other.userId],
  );
});
afterAll(() => practice.close());
beforeEach(async () => {
  const last = await practice.database.prisma.auditEntry.findFirst({ orderBy: { id: 'desc' } });
  from = last?.id ?? 0n;
});

const entries = async () =>
  (
    await practice.database.prisma.auditEntry.findMany({
      where: { id: { gt: from } },
      orderBy: { id: 'asc' },
    })
  ).map(({ id: _id, at: _at, ...entry }) => entry);

function counter(options: AuditCounterOptions = {}) {
  const onError = vi.fn();
  const onLost = vi.fn();
  return {
    onError,
    onLost,
    ...createAuditCounter({ database: practice.database, onError, onLost }, { everyMs: 60_000, ...options }),
  };
}

const guess = (n: number) => ({ source: '203.0.113.9', code: 'invalid_client', clientId: `ci_guess${n}` });
const sum = (rows: readonly { count: number }[]) => rows.reduce((total, { count }) => total + count, 0);

describe('rejected credentials', () => {
  test('are counted by client, address, code and minute, IPv6 by its network', async () => {
    const counts = counter({ clock: () => 90_000 });
    for (let n = 0; n < 400; n += 1) {
      counts.credentials({ source: '203.0.113.9', code: 'invalid_client', clientId: 'ci_one' });
      counts.credentials({ source: `2001:db8:1:2::${n}`, code: 'rate_limited', clientId: null });
    }
    counts.credentials({ source: '203.0.113.9', code: 'user_not_found', clientId: 'ci_one' });
    await counts.close();
    const rest = {
      action: 'credential.use',
      outcome: 'refused',
      minute: new Date(60_000),
      detail: null,
      userId: null,
    };
    expect(await entries()).toEqual([
      {
        ...rest,
        actor: 'client:ci_one',
        source: '203.0.113.9',
        subject: 'credential:invalid_client',
        count: 400,
      },
      {
        ...rest,
        actor: 'client:',
        source: '2001:db8:1:2::/64',
        subject: 'credential:rate_limited',
        count: 400,
      },
      {
        ...rest,
        actor: 'client:ci_one',
        source: '203.0.113.9',
        subject: 'credential:user_not_found',
        count: 1,
      },
    ]);
  });

  test('with any number of client ids, from any number of addresses, write a bounded number of rows', async () => {
    const counts = counter({ mostOfStrangers: 5, clock: () => 0 });
    for (let n = 0; n < 5_000; n += 1) {
      counts.credentials(guess(n));
      counts.credentials({ ...guess(n), source: `10.0.${n >> 8}.${n & 255}` });
    }
    await counts.close();
    const rows = await entries();
    expect(rows).toHaveLength(11);
    expect(sum(rows)).toBe(10_000);
    // The entry of the one address with many ids still has the address.
    const several = rows.find(
      ({ actor, source }) => actor === 'client:(several)' && source === '203.0.113.9',
    );
    expect(several?.count).toBeGreaterThan(4_990);
    expect(rows.at(-1)).toMatchObject({ actor: 'client:(several)', source: 'many' });
  });
});

describe('ids that were not found', () => {
  const me = () => ({ clientId: practice.clientId, user: practice.publicId, source: '192.0.2.1' });

  test('are counted where they are another client’s, with its name, and not where they exist nowhere', async () => {
    const counts = counter({ clock: () => 0 });
    for (let n = 0; n < 7; n += 1) counts.notFound(me(), { kind: 'payment', id: paymentId });
    counts.notFound(me(), { kind: 'payment', id: newPaymentId() });
    counts.notFound(me(), { kind: 'payment', id: 'not an id' });
    counts.notFound(me(), { kind: 'job', id: '0004711' });
    counts.notFound({ ...me(), user: null }, { kind: 'endpoint', id: String(other.endpointId) });
    const token = hashSecret(other.accessToken).toString('hex');
    counts.notFound({ ...me(), user: null }, { kind: 'user', id: token });
    await counts.close();
    const rows = (await entries()).map(
      ({ actor, userId, source, action, subject, outcome, count, detail }) => ({
        who: [actor, userId, source],
        what: [action, subject, outcome],
        count,
        detail,
      }),
    );
    const owner = { owner: `client:${other.clientId}` };
    const who = [`client:${practice.clientId}`, practice.publicId, '192.0.2.1'];
    const client = [`client:${practice.clientId}`, null, '192.0.2.1'];
    const refused = (subject: string) => ['tenant.refused', subject, 'refused'];
    expect(rows).toEqual([
      { who, what: refused(`payment:${paymentId}`), count: 7, detail: owner },
      { who, what: refused('job:4711'), count: 1, detail: owner },
      { who: client, what: refused(`endpoint:${other.endpointId}`), count: 1, detail: owner },
      { who: client, what: refused(`user:${other.publicId}`), count: 1, detail: owner },
    ]);
  });

  test('are not counted where they are the caller’s own, and are where they are another user’s of the client', async () => {
    const counts = counter();
    const owner = { clientId: other.clientId, user: other.publicId, source: '192.0.2.1' };
    counts.notFound(owner, { kind: 'payment', id: paymentId });
    counts.notFound({ ...owner, user: null }, { kind: 'endpoint', id: String(other.endpointId) });
    counts.notFound({ ...owner, user: 'user_sibling' }, { kind: 'payment', id: paymentId });
    await counts.close();
    expect(await entries()).toMatchObject([
      { userId: 'user_sibling', count: 1, detail: { owner: `user:${other.publicId}` } },
    ]);
  });

  test('are looked up many at a time, and counted unexamined when there are too many to keep', async () => {
    const counts = counter();
    const query = vi.spyOn(practice.database.pool, 'query');
    for (let n = 0; n < 15_000; n += 1) counts.notFound(me(), { kind: 'job', id: String(4_711 + n) });
    await counts.close();
    const lookUps = query.mock.calls.filter(([one]) => (one as { name?: string }).name === 'find-owners');
    query.mockRestore();
    expect(lookUps).toHaveLength(1);
    const rows = await entries();
    expect(sum(rows)).toBe(1 + 5_000);
  });
});

describe('an unreachable database', () => {
  test('loses no count: they are written later', async () => {
    const counts = counter({ everyMs: 20 });
    await practice.owner.pool.query('ALTER TABLE audit_log RENAME TO audit_log_away');
    for (let n = 0; n < 50; n += 1) counts.credentials(guess(1));
    await vi.waitFor(() => expect(counts.onError.mock.calls.length).toBeGreaterThan(2), { timeout: 20_000 });
    counts.credentials(guess(1));
    await practice.owner.pool.query('ALTER TABLE audit_log_away RENAME TO audit_log');
    await vi.waitFor(async () => expect(sum(await entries())).toBeGreaterThanOrEqual(50), {
      timeout: 20_000,
    });
    await counts.close();
    expect(sum(await entries())).toBe(51);
    expect(counts.onLost).not.toHaveBeenCalled();
  });

  test('at the stop is reported with the number of actions that no entry counts', async () => {
    const counts = counter();
    for (let n = 0; n < 50; n += 1) counts.credentials(guess(1));
    await practice.owner.pool.query('ALTER TABLE audit_log RENAME TO audit_log_away');
    await counts.close();
    await practice.owner.pool.query('ALTER TABLE audit_log_away RENAME TO audit_log');
    expect(counts.onLost.mock.calls).toEqual([[50]]);
  });
});
