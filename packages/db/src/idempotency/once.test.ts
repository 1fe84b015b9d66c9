import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { query, type StatementDeps } from '../core/statements.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { type OnceOutcome, once } from './once.ts';

let practice: OpenPractice;
beforeAll(async () => {
  practice = await openPractice();
});
afterAll(() => practice.close());

const remember = (result: string) => ({ status: 200, response: result });

/** Adds a client of this name: something that can be counted. */
const addClient = (name: string) => async (tx: StatementDeps) => {
  await query(tx, { text: 'INSERT INTO clients (client_id, name) VALUES ($1, $2)' }, [randomUUID(), name]);
  return `made ${name}`;
};
const howMany = (name: string) => practice.database.prisma.client.count({ where: { name } });

const run = (key: string | null, name: string, fingerprint = 'a'): Promise<OnceOutcome<string>> =>
  once(
    { database: practice.database },
    {
      request:
        key === null
          ? null
          : { clientPk: practice.clientPk, userId: 0, key, fingerprint: Buffer.from(fingerprint) },
      work: addClient(name),
      remember,
    },
  );

test('the same request is done once, however many come at the same moment', async () => {
  const outcomes = await Promise.all(Array.from({ length: 6 }, () => run('k1', 'one')));
  expect(outcomes.filter(({ outcome }) => outcome === 'done')).toHaveLength(1);
  expect(outcomes.filter(({ outcome }) => outcome === 'replayed')).toHaveLength(5);
  expect(outcomes).toContainEqual({ outcome: 'replayed', status: 200, response: 'made one' });
  expect(await howMany('one')).toBe(1);
});

test('another request with the key is refused, and without a key every request is done', async () => {
  await run('k2', 'two');
  expect(await run('k2', 'two', 'b')).toEqual({ outcome: 'key_reused' });
  await run(null, 'two');
  expect(await howMany('two')).toBe(2);
});

test('a refusal changes nothing and leaves the key free', async () => {
  const request = { clientPk: practice.clientPk, userId: 0, key: 'k3', fingerprint: Buffer.from('a') };
  const refused = await once(
    { database: practice.database },
    { request, work: addClient('three'), remember: () => null },
  );
  expect(refused).toEqual({ outcome: 'done', result: 'made three' });
  expect(await howMany('three')).toBe(0);
  expect((await run('k3', 'three')).outcome).toBe('done');
});

test('work that throws leaves nothing behind, key and connection included', async () => {
  const request = { clientPk: practice.clientPk, userId: 0, key: 'k4', fingerprint: Buffer.from('a') };
  for (let n = 0; n < 8; n += 1) {
    const failing = once<string>(
      { database: practice.database },
      {
        request,
        work: async (tx) => {
          await addClient('four')(tx);
          throw new Error('a bug');
        },
        remember,
      },
    );
    await expect(failing).rejects.toThrow('a bug');
  }
  expect(await howMany('four')).toBe(0);
  expect((await run('k4', 'four')).outcome).toBe('done');
});

test('a key without a stored answer counts as used by another request', async () => {
  await practice.database.prisma.idempotencyKey.create({
    data: {
      clientPk: practice.clientPk,
      userId: 0,
      key: 'k5',
      fingerprint: new Uint8Array(Buffer.from('a')),
    },
  });
  expect(await run('k5', 'five')).toEqual({ outcome: 'key_reused' });
});

test('a key whose time ends while it is being found is claimed again, not taken for reused', async () => {
  await run('k9', 'nine');
  const { pool } = practice.database;
  let pruned = false;
  // The key is pruned between the claim and the look for its answer.
  const pruning = {
    connect: async () => {
      const client = await pool.connect();
      const { query: send } = client;
      client.query = async (...args: unknown[]) => {
        if ((args[0] as { name?: string }).name === 'find-remembered-answer' && !pruned) {
          pruned = true;
          await pool.query(`DELETE FROM idempotency_keys WHERE key = 'k9'`);
        }
        return Reflect.apply(send, client, args);
      };
      return client;
    },
  } as unknown as typeof pool;
  const request = { clientPk: practice.clientPk, userId: 0, key: 'k9', fingerprint: Buffer.from('a') };
  const again = await once({ database: { pool: pruning } }, { request, work: addClient('nine'), remember });
  expect(pruned).toBe(true);
  expect(again).toEqual({ outcome: 'done', result: 'made nine' });
  expect(await run('k9', 'nine')).toMatchObject({ outcome: 'replayed' });
});
