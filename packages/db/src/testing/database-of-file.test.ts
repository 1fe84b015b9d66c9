import { Client } from 'pg';
import { expect, test } from 'vitest';
import { databaseOfFile } from './database-of-file.ts';
import { createPractice } from './practice.ts';

const begin = databaseOfFile();

test('the next test has no row of the one before, neither of ours, nor an audit entry, nor a job of the queue', async () => {
  const present = async () => {
    const { rows } = await owner.pool.query(
      'SELECT EXISTS (SELECT FROM users) AS users, EXISTS (SELECT FROM audit_log) AS audited, EXISTS (SELECT FROM bullmq.job) AS queued',
    );
    return rows[0];
  };
  const opened = await begin();
  const { owner } = opened;
  await createPractice(opened);
  await owner.pool.query(
    `INSERT INTO bullmq.job (queue, id, seq, name, state, added_at_ms) VALUES ('q', '1', 1, 'n', 'waiting', 0)`,
  );
  expect(await present()).toEqual({ users: true, audited: true, queued: true });
  await begin();
  expect(await present()).toEqual({ users: false, audited: false, queued: false });
  await expect(opened.owner.pool.query('DELETE FROM audit_log')).rejects.toThrow('append-only');
});

test('a test begins when the connections that the one before opened have ended', async () => {
  const { url } = await begin();
  const left = new Client({ connectionString: url });
  await left.connect();
  let ended = false;
  const next = begin().then(() => ended);
  const looked = () =>
    left.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'test owner' AND query LIKE '%pg_stat_activity%'`,
    );
  await expect.poll(async () => (await looked()).rowCount).toBe(1);
  ended = true;
  await left.end();
  expect(await next).toBe(true);
});
