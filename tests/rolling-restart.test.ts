import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Stack, startStack } from '@emr-payments/stack';
import {
  type Haproxy,
  hasHaproxy,
  openTestDatabase,
  startHaproxy,
  type TestDatabase,
} from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { startSteadyLoad } from './service/steady-load.ts';

const NO_HAPROXY = `
  ############################################################################
  #  NO HAPROXY: the test of rolling restarts behind a proxy was SKIPPED.    #
  ############################################################################
`;
if (!hasHaproxy()) process.stderr.write(NO_HAPROXY);

/** Requests a second, sent whether or not the earlier ones have been answered. */
const RATE = 60;
/** How often the proxy checks. The drain is fifteen times as long, so that a loaded machine does not decide the test. */
const CHECK_MS = 100;
const DRAIN_MS = 1_500;
const ROUNDS = 2;
const PATIENCE = { timeout: 30_000, interval: 50 };

let stack: Stack | undefined;
let proxy: Haproxy | undefined;
let database: TestDatabase | undefined;
const folder = mkdtempSync(join(tmpdir(), 'emr-payments-rolling-'));
afterEach(async () => {
  await proxy?.stop();
  await stack?.stop();
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

describe.runIf(hasHaproxy())('rolling restarts behind a proxy that checks health', () => {
  test('lose no request, and every payment is there once', async () => {
    database = await openTestDatabase();
    stack = await startStack({
      folder,
      databaseUrl: database.url,
      apis: 2,
      workers: 0,
      settings: { api: { DRAIN_MS: String(DRAIN_MS), LOG_LEVEL: 'warn' } },
    });
    const apis = stack.apis;
    proxy = await startHaproxy({
      servers: apis,
      check: { everyMs: CHECK_MS, fall: 1, rise: 1 },
    });
    const all = apis.map((_, index) => `api${index + 1}`);
    const bothUp = () => vi.waitFor(async () => expect(await proxy?.up()).toEqual(all), PATIENCE);
    await bothUp();

    const { client_id, client_secret, access_token } = stack.demo;
    const load = startSteadyLoad(
      { baseUrl: proxy.url, credentials: { client_id, client_secret, access_token } },
      { prefix: 'rolling', perSecond: RATE },
    );
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const api of apis) {
        expect(await api.stop()).toEqual({ code: 0, signal: null });
        await api.start();
        await bothUp();
      }
    }
    const sent = await load.stop();

    const client = new Client({ connectionString: database.url });
    await client.connect();
    const { rows } = await client.query<{ reference: string }>(
      `SELECT reference_number AS reference FROM payments WHERE reference_number LIKE 'rolling-%'`,
    );
    await client.end();
    expect(sent.filter(({ end }) => end !== '200')).toEqual([]);
    expect(rows.map(({ reference }) => reference).sort()).toEqual(
      sent.map(({ reference }) => reference).sort(),
    );
    // The restarts took seconds, in which the load went on.
    expect(sent.length).toBeGreaterThan((ROUNDS * apis.length * DRAIN_MS * RATE) / 1000 / 2);
  }, 240_000);
});
