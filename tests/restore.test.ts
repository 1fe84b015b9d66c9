import { Client as Session } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Capability, openService, type Service, type ServicePractice } from './service/open-service.ts';

/**
 * The runbook "Restoring from a backup" (docs/operating.md), on real processes and a real PostgreSQL: whatever the lost time has
 * posted is not posted again, for an EMR of each capability.
 */

const PATIENCE = { timeout: 90_000, interval: 100 };

const CAPABILITIES: readonly { capability: Capability; mrn: string; emrPatientId: string }[] = [
  { capability: 'conditional-create', mrn: 'MRN-12345', emrPatientId: 'pat-1001' },
  { capability: 'lookup', mrn: 'MRN-12346', emrPatientId: 'pat-1002' },
  { capability: 'none', mrn: 'MRN-12347', emrPatientId: 'pat-1003' },
];

let service: Service;
let practices: ServicePractice[];
/** A session on another database of the same server. */
let server: Session;

beforeAll(async () => {
  service = await openService({ name: 'restore', leaseMs: 2_000 });
  practices = [];
  for (const each of CAPABILITIES) practices.push(await service.addPractice(each));
  const url = new URL(service.database.url);
  url.pathname = '/postgres';
  server = new Session({ connectionString: url.href });
  server.on('error', () => undefined);
  await server.connect();
}, 180_000);
afterAll(async () => {
  await server?.end();
  await service?.close();
});

/** A request as its client keeps it, to repeat it with the same key. `reference` names the money, `paymentId` the payment. */
type Sent = { practice: ServicePractice; reference: string; paymentId: string; location: string };

async function send(practice: ServicePractice, reference: string, location = '1404'): Promise<Sent> {
  const { payment_id } = await practice.client.payments.create(
    { patient_mrn: practice.mrn, payment_method: 'Card', reference_number: reference, location, amount: 10 },
    { idempotencyKey: `${practice.capability}-${reference}` },
  );
  return { practice, reference, paymentId: payment_id, location };
}

const sendAll = async (prefix: string, location?: string): Promise<Sent[]> =>
  Promise.all(
    practices.flatMap((practice) => [1, 2, 3].map((n) => send(practice, `${prefix}-${n}`, location))),
  );

const statusOf = async ({ practice, paymentId }: Sent): Promise<string> =>
  (await practice.client.payments.get(paymentId)).status;

async function waitForStatus(all: readonly Sent[], status: string | ((sent: Sent) => string)): Promise<void> {
  const wanted = all.map((sent) => (typeof status === 'string' ? status : status(sent)));
  await vi.waitFor(async () => expect(await Promise.all(all.map(statusOf))).toEqual(wanted), PATIENCE);
}

/** Waits until an attempt of each has begun and has no answer: a payment is `posting` before anything of it is sent. */
async function waitForAttempts(all: readonly Sent[]): Promise<void> {
  const session = new Session({ connectionString: service.database.url });
  await session.connect();
  try {
    await vi.waitFor(async () => {
      const { rows } = await session.query(
        `SELECT count(*)::int AS n FROM payments p JOIN posting_attempts a ON a.payment_id = p.id
          WHERE a.outcome IS NULL AND replace(p.id::text, '-', '') = ANY ($1)`,
        [all.map(({ paymentId }) => paymentId)],
      );
      expect(rows).toEqual([{ n: all.length }]);
    }, PATIENCE);
  } finally {
    await session.end();
  }
}

async function command(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await service.cli(args);
  expect(code, `${args.join(' ')}\n${stdout}${stderr}`).toBe(0);
  return stdout;
}

/** Kills the processes of the service, as in a disaster. The EMR goes on. */
async function stopAll(): Promise<void> {
  await Promise.all([...service.stack.workers, ...service.stack.apis].map((process) => process.kill()));
}

/** People retry what has failed, with a location that the EMR knows. */
const retryAll = (all: readonly Sent[]) =>
  Promise.all(
    all.map(({ practice, paymentId }) => practice.client.payments.retry(paymentId, { location: '1404' })),
  );

const nameOf = (url: string): string => new URL(url).pathname.slice(1);
const backup = () => `${nameOf(service.database.url)}_backup`;

/** PostgreSQL copies a database that nobody uses; the sessions of the killed processes may take a moment to end. */
async function copy(from: string, to: string): Promise<void> {
  await server.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [from]);
  await vi.waitFor(() => server.query(`CREATE DATABASE ${to} TEMPLATE ${from} STRATEGY FILE_COPY`), PATIENCE);
}

test('nothing that the lost time has posted is posted again', { timeout: 400_000 }, async () => {
  const [api] = service.stack.apis;
  const [worker] = service.stack.workers;
  if (api === undefined || worker === undefined) throw new Error('the stack has no API or no worker');

  // Before the backup: posted payments, failed ones, and one that nobody knows about at the EMR without means to ask.
  const posted = await sendAll('posted');
  const failed = await sendAll('failed', 'Nowhere');
  await waitForStatus(posted, 'posted');
  await waitForStatus(failed, 'failed');
  await service.fault({ kind: 'status', status: 500, count: 1, match: { method: 'POST' } });
  const none = practices.find(({ capability }) => capability === 'none');
  if (none === undefined) throw new Error('no practice');
  const review = await send(none, 'review');
  await waitForStatus([review], 'needs_review');

  // One payment for each EMR is in flight when the backup is taken, and others are accepted.
  await service.fault({ kind: 'hang', match: { method: 'POST' } });
  const inFlight = await Promise.all(practices.map((practice) => send(practice, 'in-flight')));
  await waitForAttempts(inFlight);
  await worker.kill();
  const open = await sendAll('open');
  await api.kill();
  await copy(nameOf(service.database.url), backup());
  const since = new Date().toISOString();
  await service.clearFaults();

  // The lost time: what was open is posted, a person retries what has failed and decides about the review, more is accepted.
  await api.start();
  await worker.start();
  await waitForStatus(open, 'posted');
  await retryAll(failed);
  await command(['payment', 'resolve', review.paymentId, '--not-posted', '--note', 'Not on the day sheet.']);
  await command(['payment', 'retry', review.paymentId]);
  await waitForStatus([...failed, review], 'posted');
  const lostPosted = await sendAll('lost');
  await waitForStatus(lostPosted, 'posted');
  await worker.kill();
  const lostOpen = await sendAll('lost-open');
  const lost = [...lostPosted, ...lostOpen];

  // The runbook. 1: stop everything. 2: restore.
  await stopAll();
  const name = nameOf(service.database.url);
  await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
  await server.query(`ALTER DATABASE ${backup()} RENAME TO ${name}`);
  // 3: the hold, and the doubt.
  await command(['hold', 'on', '--reason', 'restore']);
  const restored = JSON.parse(await command(['restored', '--since', since, '--json']));
  const doubted = Object.values<number>(restored.in_doubt).reduce((sum, n) => sum + n, 0);
  expect(doubted).toBe(failed.length + 1 + inFlight.length + open.length);

  // 4: the comparison. It names exactly what was posted and is unknown here.
  const ledger = await service.ledger();
  const known = new Set<string>();
  for (const practice of practices) {
    const ids = ledger
      .filter(({ patient_mrn }) => patient_mrn === practice.mrn)
      .map((entry) => entry.payment_id);
    const { code, stdout } = await service.cli(
      ['payment', 'compare', '-', '--user', practice.publicId, '--json'],
      ids.join('\n'),
    );
    expect(code).toBe(1);
    const { unknown } = JSON.parse(stdout) as { unknown: string[] };
    const expected = lostPosted
      .filter((sent) => sent.practice === practice)
      .map(({ paymentId }) => paymentId);
    expect(unknown.toSorted()).toEqual(expected.toSorted());
    for (const id of unknown) known.add(id);
  }

  // 5: start; the clients send again, with their keys, what is neither here nor in the EMR, and repeat what is.
  await api.start();
  await worker.start();
  const missing = lost.filter(({ paymentId }) => !known.has(paymentId));
  expect(missing).toEqual(lostOpen);
  const repeated = await Promise.all(open.map((sent) => send(sent.practice, sent.reference)));
  expect(repeated.map(({ paymentId }) => paymentId)).toEqual(open.map(({ paymentId }) => paymentId));
  const resent = await Promise.all(missing.map((sent) => send(sent.practice, sent.reference)));
  const [held] = resent;
  if (held === undefined) throw new Error('nothing was sent again');
  expect(await held.practice.client.payments.get(held.paymentId)).toMatchObject({ on_hold: true });
  expect((await service.ledger()).length).toBe(ledger.length);

  // 6: the hold ends. People see failed payments and retry them, as they did in the lost time.
  await command(['hold', 'off']);
  await retryAll(failed);
  const ofNone = ({ practice }: Sent) => (practice.capability === 'none' ? 'needs_review' : 'posted');
  const inDoubt = [...open, ...inFlight, ...failed];
  await vi.waitFor(async () => {
    const statuses = await Promise.all([...inDoubt, ...resent].map(statusOf));
    expect(statuses.filter((status) => !['posted', 'needs_review', 'failed'].includes(status))).toEqual([]);
  }, PATIENCE);
  const entries = (await service.ledger()).map((entry) => `${entry.patient_mrn} ${entry.reference_number}`);
  expect(entries.toSorted()).toEqual([...new Set(entries)].toSorted());
  await waitForStatus(inDoubt, ofNone);
  await waitForStatus(resent, 'posted');
  await waitForStatus([review], 'needs_review');
  // The hung sends of the EMR that cannot be asked were never carried out: those wait for a person.
  const certain = [
    ...posted,
    ...failed,
    ...open,
    ...lost,
    review,
    ...inFlight.filter((sent) => ofNone(sent) === 'posted'),
  ];
  expect(entries.toSorted()).toEqual(
    certain.map(({ practice, reference }) => `${practice.mrn} ${reference}`).toSorted(),
  );
});
