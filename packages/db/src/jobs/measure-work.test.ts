import { sentence } from '@emr-payments/contracts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createAcceptor } from '../accept/acceptor.ts';
import { SYSTEM } from '../audit/entry.ts';
import { listBrokenConnections } from '../health/list-troubled.ts';
import { noteExchange } from '../health/note-exchange.ts';
import { endHold, startHold } from '../holds/switch-hold.ts';
import { findConnection } from '../tenants/find-connection.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { measureWork } from './measure-work.ts';

let practice: OpenPractice;
beforeEach(async () => {
  practice = await openPractice();
  const accepted = await createAcceptor(practice).accept(practice.input());
  expect(accepted.outcome).toBe('accepted');
  await practice.owner.pool.query(`UPDATE jobs SET run_at = now() - interval '1 hour'`);
});
afterEach(() => practice.close());

const payments = async () => {
  const { jobs, oldestDue } = await measureWork(practice);
  return {
    states: jobs.filter(({ kind }) => kind === 'post_payment').map(({ state }) => state),
    hours: Math.round((oldestDue.find(({ kind }) => kind === 'post_payment')?.seconds ?? 0) / 3_600),
  };
};
const DUE = { states: ['due'], hours: 1 };
const STOPPED = { states: ['stopped'], hours: 0 };

async function breakLogin(): Promise<void> {
  const connection = await findConnection(practice, practice);
  if (connection === null) throw new Error('there is no connection');
  const detail = sentence`The EMR rejected our credentials.`;
  const exchange = { kind: 'login', code: 'unauthorized', detail } as const;
  await noteExchange(practice, { connection, exchange, subject: 'payment', agoMs: 0 });
}

test('payments behind a hold or a broken login are counted apart, and are no late work', async () => {
  expect(await payments()).toEqual(DUE);
  for (const scope of ['all', { userId: practice.userId, publicId: practice.publicId }] as const) {
    await startHold(practice, { scope, reason: null, by: SYSTEM });
    expect(await payments()).toEqual(STOPPED);
    await endHold(practice, { scope, by: SYSTEM });
    expect(await payments()).toEqual(DUE);
  }
  await breakLogin();
  expect(await payments()).toEqual(STOPPED);
});

test('a broken connection is neither counted nor listed when its user or its client is disabled', async () => {
  const broken = async () => [
    (await measureWork(practice)).connections.find(({ state }) => state === 'login_required')?.count,
    (await listBrokenConnections(practice)).length,
  ];
  await breakLogin();
  expect(await broken()).toEqual([1, 1]);
  for (const table of ['users', 'clients']) {
    await practice.owner.pool.query(`UPDATE ${table} SET disabled_at = now()`);
    expect(await broken()).toEqual([0, 0]);
    await practice.owner.pool.query(`UPDATE ${table} SET disabled_at = NULL`);
  }
});
