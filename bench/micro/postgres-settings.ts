import { createAcceptor, openDatabase } from '@emr-payments/db';
import { withClient } from '../machine/ask.ts';
import { openPractices, paymentRows } from './open-practices.ts';

/**
 * Counts the WAL of an accepted payment, with checkpoints near and far apart, and with compression: what `max_wal_size`,
 * `checkpoint_timeout` and `wal_compression` change. It counts bytes and takes no times, so a busy machine does not disturb it.
 *
 *     node bench/micro/postgres-settings.ts [payments that are there before] [payments of a measurement]
 */
const FILLED = Number(process.argv[2] ?? 60_000);
const PAYMENTS = Number(process.argv[3] ?? 8_000);
const TOGETHER = 50;

const VARIANTS = [0, 4_000, 1_000].flatMap((every) =>
  ['off', 'pglz'].map((compression) => ({ every, compression })),
);

const { environment, databaseUrl, tenants } = await openPractices('settings');
const database = openDatabase({ url: databaseUrl, poolSize: 4, applicationName: 'bench' });
const acceptor = createAcceptor({ database });
const rowOf = paymentRows({ tenants });
let n = 0;

function accept(): Promise<unknown> {
  n += 1;
  return acceptor.accept({ ...rowOf(n), idempotency: null });
}

async function acceptMany(count: number, every: number, checkpoint: () => Promise<unknown>): Promise<void> {
  for (let done = 0; done < count; done += TOGETHER) {
    if (every > 0 && done % every === 0) await checkpoint();
    await Promise.all(Array.from({ length: TOGETHER }, accept));
  }
}

try {
  await withClient(databaseUrl, async (client) => {
    const checkpoint = () => client.query('CHECKPOINT');
    const wal = async () =>
      (
        await client.query<{ bytes: number; images: number }>(
          `SELECT pg_current_wal_lsn() - '0/0'::pg_lsn AS bytes, wal_fpi AS images FROM pg_stat_wal`,
        )
      ).rows[0] ?? { bytes: 0, images: 0 };
    await acceptMany(FILLED, 0, checkpoint);
    process.stdout.write(
      '| a checkpoint every | wal_compression | bytes of WAL each | full-page images each |\n',
    );
    for (const { every, compression } of VARIANTS) {
      await client.query(`ALTER SYSTEM SET wal_compression = '${compression}'`);
      await client.query('SELECT pg_reload_conf()');
      await checkpoint();
      // The first images after a checkpoint belong to it, and not to what follows.
      if (every === 0) await acceptMany(PAYMENTS, 0, checkpoint);
      await client.query('SELECT pg_stat_force_next_flush()');
      const before = await wal();
      await acceptMany(PAYMENTS, every, checkpoint);
      const after = await wal();
      const each = (what: 'bytes' | 'images') => (Number(after[what]) - Number(before[what])) / PAYMENTS;
      const apart = every === 0 ? 'never' : `${every} payments`;
      process.stdout.write(
        `| ${apart} | ${compression} | ${Math.round(each('bytes'))} | ${each('images').toFixed(2)} |\n`,
      );
    }
  });
} finally {
  await database.close();
  await environment.close();
}
