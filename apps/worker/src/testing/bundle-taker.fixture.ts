import { claimPosting, openDatabase } from '@emr-payments/db';
import { createLogger } from '@emr-payments/runtime';
import { openTransport } from '@emr-payments/runtime/queues';

// A worker that claims as many entries of a bundle as it has places, writes the job of each, and never ends one. Its test kills it.

const [databaseUrl = '', redisUrl = '', places = '1'] = process.argv.slice(2);
const database = openDatabase({ url: databaseUrl, poolSize: 2, applicationName: 'bundle taker' });
const concurrency = { 'post-payment': Number(places), 'deliver-webhook': 1, 'sync-connection': 1 };
const transport = openTransport(
  { logger: createLogger('bundle taker', 'silent') },
  { databaseUrl, redisUrl: redisUrl === '' ? undefined : redisUrl, concurrency },
);
transport.consume('post-payment', async ({ job, fence, onClaimed }) => {
  const posting = await claimPosting({ database }, { jobId: job, fence, leaseMs: 1_500 });
  if (posting === null) return;
  onClaimed?.();
  process.stdout.write(`${job}\n`);
  await new Promise(() => undefined);
});
