import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@emr-payments/client';
import { PUBLISHED_BODY, startStack } from '@emr-payments/stack';
import { openTestDatabase } from '@emr-payments/testkit';
import { expect, onTestFinished, test, vi } from 'vitest';

const PATIENCE = { timeout: 60_000, interval: 50 };

test('a service whose log has lost its reader takes and posts payments, says so in its metrics, and stops in order', {
  timeout: 180_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-lost-log-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const database = await openTestDatabase();
  onTestFinished(() => database.drop());
  mkdirSync(join(folder, 'logs'));
  const readers = ['api', 'worker', 'emr-sandbox', 'webhook-inbox'].map((name) => {
    const pipe = join(folder, 'logs', `${name}.log`);
    execFileSync('mkfifo', [pipe]);
    return openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  });
  const stack = await startStack({ folder, databaseUrl: database.url, appUrl: database.appUrl });
  onTestFinished(() => stack.stop());
  for (const reader of readers) closeSync(reader);

  const { client_id: clientId, client_secret: clientSecret, access_token: accessToken } = stack.demo;
  const client = createClient({ baseUrl: stack.apiUrl, clientId, clientSecret, accessToken });
  const { payment_id } = await client.payments.create(PUBLISHED_BODY);
  await vi.waitFor(
    async () => expect(await client.payments.get(payment_id)).toMatchObject({ status: 'posted' }),
    PATIENCE,
  );
  const processes = [...stack.apis, ...stack.workers];
  for (const { healthUrl } of processes)
    await vi.waitFor(async () => {
      const metrics = await (await fetch(`${healthUrl}/metrics`)).text();
      expect(metrics).toContain('emr_payments_usable{part="log"} 0\n');
    }, PATIENCE);
  for (const process of stack.processes()) expect(await process.stop()).toEqual({ code: 0, signal: null });
});
