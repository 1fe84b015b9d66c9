import { randomBytes } from 'node:crypto';
import { openServiceDatabase } from '@emr-payments/db';
import { parseSandboxHosts } from '@emr-payments/outbound';
import { parseKeyring } from '@emr-payments/runtime';
import { afterAll, expect, test } from 'vitest';
import { openLateAdapters } from './late-adapters.ts';

// Nothing is sent to it.
const database = openServiceDatabase({
  url: 'postgresql://nobody@127.0.0.1:1/none',
  poolSize: 1,
  applicationName: 'test',
});
afterAll(() => database.close());

const keyring = parseKeyring(`a:${randomBytes(32).toString('base64')}`);
const dialects = () => Promise.all([import('@emr-payments/emr'), import('@emr-payments/operations/serving')]);

test('requests at once share one load of the dialects; one that failed is not remembered', async () => {
  let loads = 0;
  const late = openLateAdapters(
    { database, keyring, sandboxHosts: parseSandboxHosts(''), onFault: () => undefined },
    async () => {
      loads += 1;
      if (loads === 1) throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
      return dialects();
    },
  );
  // A process that stops meanwhile has no renewals to wait for.
  const ends = await Promise.allSettled([late.adapters(), late.adapters(), late.settled()]);
  expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  expect(loads).toBe(1);

  const opened = await Promise.all([late.adapters(), late.adapters(), late.adapters()]);
  expect(loads).toBe(2);
  expect(new Set(opened).size).toBe(1);
  await late.settled();
});
