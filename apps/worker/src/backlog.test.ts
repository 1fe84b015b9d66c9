import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAcceptor, openDatabase } from '@emr-payments/db';
import { createPractice, type Practice } from '@emr-payments/db/testing';
import { parseKeyring, Releases } from '@emr-payments/runtime';
import { openEmptyDatabase, openTestDatabase } from '@emr-payments/testkit';
import { afterEach, expect, test, vi } from 'vitest';
import { startWorker } from './start-worker.ts';
import { collectLog } from './testing/collect-log.ts';
import { testWorkerConfig } from './testing/worker-config.ts';

const PATIENCE = { timeout: 45_000, interval: 50 };
const TIME = 120_000;
const PLACES = 4;
const LANE = 2;
/** Jobs that may go on when they have left their place. */
const BESIDE = 3 * PLACES;
/** Longer than the tests wait for anything. */
const EMR_MS = 60_000;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const keyring = parseKeyring(`test:${randomBytes(32).toString('base64')}`);

/** Starts a worker with 4 places for postings. @returns its metrics; `{}` before it listens. */
function openWorker(databaseUrl: string): () => Promise<Record<string, number>> {
  const places = { postingConcurrency: PLACES, deliveryConcurrency: PLACES };
  const config = testWorkerConfig({ url: databaseUrl, keyring }, { allowHosts: ['127.0.0.1'], ...places });
  const releases = new Releases();
  const { logger, lines } = collectLog();
  const starting = startWorker({ config, logger }, releases);
  closers.push(async () => {
    releases.stopping.begin({ drainMs: 0 });
    await starting;
    await releases.close(logger);
  });
  return async () => {
    const port = lines.find(({ message }) => message === 'listening')?.port;
    const text = await fetch(`http://127.0.0.1:${port}/metrics`).then(
      (answer) => answer.text(),
      () => '',
    );
    return Object.fromEntries(
      text.split('\n').flatMap((line) => {
        const [, name, value] = /^(emr_payments_\S+) (\S+)$/.exec(line) ?? [];
        return name === undefined ? [] : [[name, Number(value)]];
      }),
    );
  };
}

/** An EMR that takes requests and does not answer. */
async function openSilentEmr(): Promise<string> {
  const server = createServer(() => undefined).listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir`;
}

/** An EMR that takes requests and says that it is overloaded. */
async function openBusyEmr(): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(503).end());
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  closers.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir`;
}

async function openPractices() {
  const { url, appUrl, drop } = await openTestDatabase();
  closers.push(drop);
  const database = openDatabase({ url, poolSize: 4, applicationName: 'test' });
  closers.push(() => database.close());
  const acceptor = createAcceptor({ database });
  return {
    appUrl,
    newPractice: (baseUrl: string) =>
      createPractice(
        { database, keyring },
        { connection: { baseUrl, concurrency: LANE, settings: { timeout_ms: EMR_MS } }, endpoint: null },
      ),
    accept: (practice: Practice, count: number) =>
      Promise.all(
        Array.from({ length: count }, (_, n) =>
          acceptor.accept(practice.input({ referenceNumber: `#${n}` })),
        ),
      ),
  };
}

const OF_POSTINGS = '{kind="post_payment"}';

test(
  'more postings than there are places wait for EMRs that do not answer, and those of others go on',
  async () => {
    const { appUrl, newPractice, accept } = await openPractices();
    const silent = await openSilentEmr();
    const scrape = openWorker(appUrl);
    for (const practice of [silent, silent, silent].map(newPractice)) await accept(await practice, LANE);
    await accept(await newPractice(await openBusyEmr()), 1);
    await vi.waitFor(async () => {
      const found = await scrape();
      expect(found).toMatchObject({
        [`emr_payments_beside_places${OF_POSTINGS}`]: 3 * LANE,
        [`emr_payments_places_taken${OF_POSTINGS}`]: 0,
      });
      expect(found['emr_payments_postings_total{adapter="fhir-r5",outcome="retrying"}']).toBeGreaterThan(0);
    }, PATIENCE);
  },
  TIME,
);

test(
  'a slow EMR with a full lane does not ask for more workers, and a flood over many lanes does',
  async () => {
    const { appUrl, newPractice, accept } = await openPractices();
    const silent = await openSilentEmr();
    const startedAt = Date.now();
    const scrape = openWorker(appUrl);
    const state = async () => {
      const found = await scrape();
      return {
        claimed: found['emr_payments_jobs{kind="post_payment",state="claimed"}'],
        heldBack: found['emr_payments_jobs{kind="post_payment",state="held_back"}'],
        taken: found['emr_payments_places_taken{kind="post_payment"}'],
        beside: found['emr_payments_beside_places{kind="post_payment"}'],
        places: found['emr_payments_places{kind="post_payment"}'],
        waiting: found['emr_payments_jobs_waiting_for_places{kind="post_payment"}'],
      };
    };

    await accept(await newPractice(silent), 10);
    const slow = { claimed: LANE, heldBack: 8, taken: 0, beside: LANE, places: PLACES, waiting: 0 };
    await vi.waitFor(async () => expect(await state()).toEqual(slow), PATIENCE);

    const lanes = 10;
    for (let n = 0; n < lanes; n += 1) await accept(await newPractice(silent), LANE + 1);
    const flooded = {
      ...{ claimed: BESIDE + PLACES, taken: PLACES, beside: BESIDE, places: PLACES },
      // Each lane has one more than it may have in flight.
      heldBack: slow.heldBack + lanes,
      waiting: LANE + lanes * LANE - BESIDE - PLACES,
    };
    await vi.waitFor(async () => expect(await state()).toEqual(flooded), PATIENCE);
    // The first sweep comes some seconds after the start.
    await vi.waitFor(async () => {
      const found = await scrape();
      for (const loop of ['relay', 'sweep'])
        expect(found[`emr_payments_last_${loop}_timestamp_seconds`]).toBeGreaterThan(startedAt / 1000 - 1);
    }, PATIENCE);
  },
  TIME,
);

test(
  'a worker that waits for the schema answers /metrics, and says what is missing',
  async () => {
    const { url, drop } = await openEmptyDatabase();
    closers.push(drop);
    const scrape = openWorker(url);
    await vi.waitFor(
      async () =>
        expect(await scrape()).toMatchObject({
          'emr_payments_usable{part="postgres"}': 1,
          'emr_payments_usable{part="schema"}': 0,
          emr_payments_work_measured: 0,
          emr_payments_last_relay_timestamp_seconds: 0,
        }),
      PATIENCE,
    );
  },
  TIME,
);
