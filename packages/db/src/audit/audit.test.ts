import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AuditInput, recordAudit } from '../index.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';

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
