import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type AuditInput, recordAudit } from '../index.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { countCredentialFailures } from './credential-failures.ts';

let practice: OpenPractice;
beforeAll(async () => {
  practice = await openPractice();
});
afterAll(() => practice.close());

const entry = (overrides: Partial<AuditInput> = {}): AuditInput => ({
  actor: 'cli:alice',
  source: 'desk-1',
  action: 'payment.retry',
  subject: 'payment:1',
  outcome: 'done',
  ...overrides,
});
const entriesOf = (action: string) =>
  practice.database.prisma.auditEntry.findMany({ where: { action }, orderBy: { id: 'asc' } });

describe('the audit log', () => {
  test('takes entries, clips what a stranger may have written, and keeps details', async () => {
    await recordAudit(practice, entry({ detail: { note: 'it’s there' } }));
    await recordAudit(practice, entry({ actor: `client:${'x\u0000\ud800'.repeat(200)}` }));
    const [first, second] = await entriesOf('payment.retry');
    expect(first).toMatchObject({ ...entry(), count: 1, detail: { note: 'it’s there' } });
    expect(second?.actor).toHaveLength(200);
  });

  test('refuses every change, also where triggers are switched off for a bulk load', async () => {
    const { pool } = practice.owner;
    const before = await practice.database.prisma.auditEntry.findMany();
    for (const sql of [
      "UPDATE audit_log SET actor = 'nobody'",
      'DELETE FROM audit_log',
      'DELETE FROM audit_log WHERE false',
      'TRUNCATE audit_log',
      "BEGIN; SET LOCAL session_replication_role = 'replica'; DELETE FROM audit_log; COMMIT",
    ]) {
      await expect(pool.query(sql), sql).rejects.toThrow(/the audit log is append-only/);
    }
    await pool.query('ROLLBACK').catch(() => undefined);
    expect(await practice.database.prisma.auditEntry.findMany()).toEqual(before);
  });
});

describe('failed credentials', () => {
  const failures = (everyMs: number, mostRows?: number) => {
    const onError = vi.fn();
    return {
      onError,
      ...countCredentialFailures(
        { database: practice.database, onError },
        { everyMs, ...(mostRows === undefined ? {} : { mostRows }) },
      ),
    };
  };

  test('are counted, one entry for each source and code, IPv6 by its network', async () => {
    const counter = failures(60_000);
    for (let n = 0; n < 1000; n += 1) {
      counter.note({ source: '203.0.113.9', code: 'invalid_client', clientId: `ci_guess${n}` });
      counter.note({ source: `2001:db8:1:2::${n}`, code: 'invalid_client', clientId: 'ci_one' });
    }
    counter.note({ source: '203.0.113.9', code: 'user_not_found', clientId: null });
    await counter.close();
    const shape = (await entriesOf('credential.use')).map(({ actor, source, subject, outcome, count }) => ({
      actor,
      source,
      subject,
      outcome,
      count,
    }));
    expect(shape).toEqual([
      {
        actor: 'client:(several)',
        source: '203.0.113.9',
        subject: 'credential:invalid_client',
        outcome: 'refused',
        count: 1000,
      },
      {
        actor: 'client:ci_one',
        source: '2001:db8:1:2::/64',
        subject: 'credential:invalid_client',
        outcome: 'refused',
        count: 1000,
      },
      {
        actor: 'client:',
        source: '203.0.113.9',
        subject: 'credential:user_not_found',
        outcome: 'refused',
        count: 1,
      },
    ]);
  });

  test('from any number of addresses write a bounded number of rows', async () => {
    const before = (await entriesOf('credential.use')).length;
    const counter = failures(60_000, 5);
    for (let n = 0; n < 5000; n += 1) {
      counter.note({ source: `10.0.${n >> 8}.${n & 255}`, code: 'invalid_client', clientId: null });
    }
    await counter.close();
    const rows = (await entriesOf('credential.use')).slice(before);
    expect(rows).toHaveLength(6);
    expect(rows.reduce((sum, row) => sum + row.count, 0)).toBe(5000);
    expect(rows.at(-1)).toMatchObject({ source: 'many', count: 4995 });
  });

  test('are written after a while, and kept while the database is away', async () => {
    const before = (await entriesOf('credential.use')).length;
    const counter = failures(20);
    await practice.owner.pool.query('ALTER TABLE audit_log RENAME TO audit_log_away');
    counter.note({ source: '192.0.2.1', code: 'invalid_client', clientId: 'ci_x' });
    await vi.waitFor(() => expect(counter.onError).toHaveBeenCalled());
    await practice.owner.pool.query('ALTER TABLE audit_log_away RENAME TO audit_log');
    await vi.waitFor(async () => expect(await entriesOf('credential.use')).toHaveLength(before + 1));
    await counter.close();
    expect((await entriesOf('credential.use')).at(-1)).toMatchObject({ source: '192.0.2.1', count: 1 });
  });
});
