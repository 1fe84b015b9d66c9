import { setTimeout as wait } from 'node:timers/promises';
import { createAcceptor } from '@emr-payments/db';
import { createPractice } from '@emr-payments/db/testing';
import { mrnOf, readStored } from '../collect.ts';
import type { CreateShapeName } from '../foreign/create-shapes.ts';
import type { Chooser } from '../foreign/draw.ts';
import { openLedger, toLedgerEntry } from '../foreign/ledger.ts';
import type { SearchShapeName } from '../foreign/search-shapes.ts';
import { type ForeignMode, openForeignEmr } from '../foreign/server.ts';
import { openReceiver } from '../open-receiver.ts';
import { PATIENTS, patientIdOf } from '../practice-data.ts';
import type { Capability, Received, Records, Requested } from '../records.ts';
import { traitsOf } from '../traits.ts';
import { onDatabase, readTransitions } from '../transitions.ts';
import type { Director, Frozen } from './director.ts';
import type { Stage } from './stage.ts';

/** The far ends of one schedule: how the EMR answers the first, second … create and search; after these it is honest. */
export type Script = {
  capability: Exclude<Capability, 'foreign'>;
  /** The label that the checker goes by: `foreign` where the EMR answers so that a person has to look. */
  checkedAs?: Capability;
  /** Sends only `If-None-Exist`, and cannot search. */
  conditionalOnly?: boolean;
  mode?: ForeignMode;
  create?: readonly CreateShapeName[];
  search?: readonly SearchShapeName[];
  /** How many searches do not find an entry that is there. */
  hiddenSearches?: number;
  /** The create with this number, from 0, is held until `release`. */
  heldCreate?: number;
  settleMs: number;
  /** Every statement that is made for it runs as a set, also for one job. */
  inSets?: boolean;
  /** The receiver's first answer; then it answers 204. */
  firstDelivery?: number;
};

/** One payment, its EMR and its receiver. */
export type Scene = {
  accept(): Promise<void>;
  /** Accepts a payment that is no part of the records, and resolves when it is settled. */
  settleAnother(): Promise<void>;
  freeze: Director['freeze'];
  /** Kills a worker and starts it again. */
  crash(worker: Frozen): Promise<void>;
  /** The job's fence; null when it has ended. */
  fence(): Promise<number | null>;
  /** Resolves when the payment is settled. */
  settled(): Promise<void>;
  /** Resolves when the create with this number, from 0, is at the EMR. */
  created(number: number): Promise<void>;
  /** Resolves when the lease that the job has at the call ended so long ago, by PostgreSQL's clock. */
  pastLease(byMs: number): Promise<void>;
  /** Lets the EMR go on with the create that it holds. */
  release(): void;
  /** Resolves when no job is left, or the rest does not move any more. */
  quiet(): Promise<void>;
  records(): Promise<Records>;
  close(): Promise<void>;
};

const EVERY_MS = 50;
/** A condition that takes longer than this is a schedule that did not come about. */
const LATEST_MS = 60_000;
/** Jobs that have not changed for this long are stuck: longer than lease, sweep and look-up together. */
const STUCK_MS = 6_000;

async function until(what: string, condition: () => Promise<boolean>, seen = () => ''): Promise<void> {
  const deadline = Date.now() + LATEST_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`the schedule did not come about: ${what}${seen()}`);
    await wait(EVERY_MS);
  }
}

/** The script is about the payment with this reference; the EMR answers the creates of others honestly. */
function chooserOf(script: Script, { reference, held }: { reference: string; held: Promise<void> }): Chooser {
  return {
    create: ({ nth, reference: of }) => ({
      shape: (of === reference ? script.create?.[nth] : undefined) ?? 'Location, absolute with _history',
      idForm: 0,
      indexMs: 0,
      hiddenSearches: script.hiddenSearches ?? 0,
      ...(script.heldCreate === nth ? { held } : {}),
    }),
    search: ({ nth }) => script.search?.[nth] ?? 'an honest Bundle',
    read: () => 'the entry',
  };
}

/** Time passes: what waits for a retry is due, and circuits are closed. Leases and `settle_ms` run by the clock. */
const PASS_TIME = `
  WITH due AS (UPDATE jobs SET run_at = now() WHERE queued_at IS NULL AND run_at > now())
  UPDATE lanes SET open_until = NULL, failures = 0 WHERE open_until IS NOT NULL`;

/** Opens a practice with a foreign EMR and a receiver of its own. `reference` is the payment's. */
export async function openScene(
  { database, databaseUrl, keyring, webhookSecret, director, crash }: Stage,
  { script, reference }: { script: Script; reference: string },
): Promise<Scene> {
  const gate = Promise.withResolvers<void>();
  const ledger = openLedger(null);
  const chooser = chooserOf(script, { reference, held: gate.promise });
  const timeoutMs = LATEST_MS;
  const emr = await openForeignEmr({ ledger, chooser }, { port: 0, timeoutMs });
  const received: Received[] = [];
  const receiver = await openReceiver({
    port: 0,
    secret: webhookSecret,
    record(request) {
      received.push(request);
      receiver.behave({ status: 204, delayMs: 0 });
    },
  });
  if (script.firstDelivery !== undefined) receiver.behave({ status: script.firstDelivery, delayMs: 0 });
  const conditional = script.capability === 'conditional-create';
  const mode = script.mode ?? (conditional ? 'honours' : 'ignores');
  const practice = await createPractice(
    { database, keyring },
    {
      connection: {
        baseUrl: `http://127.0.0.1:${emr.port}/${mode}/fhir`,
        settings: {
          // The EMR of a scene ends with it, and a sync that waits for it would never end.
          sync_hours: 0,
          conditional_create: conditional,
          search: script.capability !== 'none' && script.conditionalOnly !== true,
          settle_ms: script.settleMs,
          timeout_ms: timeoutMs,
        },
      },
      patients: [{ mrn: PATIENTS[0], emrPatientId: patientIdOf(0) }],
      endpoint: { url: `http://127.0.0.1:${receiver.port}/hooks/only`, secret: webhookSecret },
    },
  );
  const requested: Requested = {
    reference,
    emr: traitsOf(script.checkedAs ?? script.capability),
    endpoints: ['only'],
    patientMrn: PATIENTS[0],
    amount: 350,
    paymentMethod: 'Card',
    location: '1404',
    locationName: '',
    methodIsKnown: true,
    tries: [],
  };
  let job = 0;
  const clock = setInterval(() => void database.pool.query(PASS_TIME).catch(() => undefined), 100);
  const rows = async <T extends object>(text: string, values: unknown[] = []): Promise<T[]> =>
    (await database.pool.query<T>(text, values)).rows;
  const fence = async () =>
    (await rows<{ fence: number }>('SELECT fence FROM jobs WHERE id = $1', [job]))[0]?.fence ?? null;

  async function acceptOne(referenceNumber: string): Promise<{ paymentId: string; jobId: number }> {
    const outcome = await createAcceptor({ database }).accept(practice.input({ referenceNumber }));
    if (outcome.outcome !== 'accepted') throw new Error(`the payment was not accepted: ${outcome.outcome}`);
    job = outcome.jobId;
    return outcome;
  }
  const settled = () => until('the payment is settled', async () => (await fence()) === null);
  const others: string[] = [];
  const isOther = (text: string) => others.some((paymentId) => text.includes(paymentId));

  return {
    async accept() {
      const { paymentId, jobId } = await acceptOne(reference);
      requested.tries.push({ status: 200, paymentId, jobId, replayed: false, retryAfter: false, at: 0 });
    },
    async settleAnother() {
      others.push((await acceptOne(`${reference}-other`)).paymentId);
      await settled();
    },
    freeze: (point, options) => director.freeze(point, options),
    crash: ({ pid }) => crash(pid),
    fence,
    settled,
    created: (number) => until(`create ${number}`, async () => creates() > number),
    async pastLease(byMs) {
      const [lease] = await rows<{ at: Date }>('SELECT lease_until AS at FROM jobs WHERE id = $1', [job]);
      await until('the lease has passed', async () => {
        const [{ passed = false } = {}] = await rows<{ passed: boolean }>(
          'SELECT now() > $1::timestamptz + make_interval(secs => $2 / 1000.0) AS passed',
          [lease?.at ?? new Date(), byMs],
        );
        return passed;
      });
    },
    release: gate.resolve,
    async quiet() {
      let last = '';
      let changedAt = Date.now();
      await until(
        'no job is left: ',
        async () => {
          const left = await rows('SELECT id, fence, queued_at, lease_until FROM jobs WHERE id >= $1', [job]);
          const now = JSON.stringify(left);
          if (now !== last) changedAt = Date.now();
          last = now;
          return left.length === 0 || Date.now() - changedAt > STUCK_MS;
        },
        () => last,
      );
    },
    async records() {
      return await onDatabase(databaseUrl, async (client) => ({
        requested: [requested],
        ledger: ledger.entries
          .filter(({ paymentId }) => !isOther(paymentId))
          .map((entry) => toLedgerEntry(entry, mrnOf)),
        takenOnly: ledger.answers.filter(({ takenOnly }) => takenOnly).map(({ paymentId }) => paymentId),
        received: received.filter(({ body }) => !isOther(body)),
        stored: (await readStored(client)).filter((payment) => payment.reference === reference),
        transitions: await readTransitions(client),
        outages: [],
        endedUnexpectedly: [],
      }));
    },
    async close() {
      clearInterval(clock);
      gate.resolve();
      director.wakeAll();
      // The remains of a sabotage must not disturb the next schedule.
      await database.pool.query('DELETE FROM jobs WHERE id >= $1', [job]);
      await emr.close();
      await receiver.close();
    },
  };

  function creates(): number {
    return ledger.answers.filter(({ kind }) => kind === 'create').length;
  }
}
