import { paymentIdToUuid, uuidToPaymentId } from '@emr-payments/contracts';
import { runPosting } from '@emr-payments/worker/testing';
import { SABOTAGES, type SabotageName } from '../../crash/proofs/sabotages.ts';
import type { Random } from '../../crash/random.ts';
import type { World } from '../held-database.ts';
import type { Course, Part, Violation } from '../part.ts';
import type { Stage } from '../stage.ts';
import { LEASE_MS } from '../workers.ts';
import { createEmr, SETTLE_MS } from './emr.ts';
import { createPeople } from './people.ts';
import { check, LONG_HORIZON_MS } from './rules.ts';

/** How often a restore is repeated until it has come to its end. */
const MOST_RESTORES = 30;
const LONGEST_REST_MS = 20 * 60_000;

async function accept({ acceptor, practices }: Stage, random: Random) {
  const payments = [];
  for (let n = 1, most = random.between(2, 4); n <= most; n += 1) {
    // The EMR that can only be asked is the one that needs every rule.
    const kinds = random.next() < 0.5 ? practices.filter(({ kind }) => kind === 'lookup') : practices;
    const { kind, practice } = kinds[random.between(0, kinds.length - 1)] ?? {};
    if (kind === undefined || practice === undefined) throw new Error('there is no practice');
    const outcome = await acceptor.accept(practice.input());
    if (outcome.outcome !== 'accepted') throw new Error(outcome.outcome);
    const { paymentId, jobId } = outcome;
    payments.push({
      id: paymentIdToUuid(paymentId),
      name: `#${n}`,
      kind,
      jobId,
      userId: practice.userId,
      practice: practice.publicId,
    });
  }
  return payments;
}

/** Payments from the moment they are accepted until they are settled. */
export const POSTING: Part<SabotageName> = {
  sabotages: SABOTAGES,
  async prepare(stage, random) {
    const payments = await accept(stage, random);
    return (world, again) => begin(world, { payments, random: again });
  },
};

function begin(
  world: World,
  { payments, random }: { payments: Awaited<ReturnType<typeof accept>>; random: Random },
): Course {
  const { sessions, mood } = world;
  const horizonMs = random.pick([5 * 60_000, LONG_HORIZON_MS, LONG_HORIZON_MS]);
  const nameOf = (paymentId: string) =>
    payments.find(({ id }) => id === paymentIdToUuid(paymentId))?.name ?? 'another key';
  const emr = createEmr(world, nameOf);
  const people = createPeople({ ...world, emr }, payments);
  const hasNoJob = async () => (await sessions.ask('SELECT FROM jobs LIMIT 1')).rowCount === 0;

  return {
    work: {
      kinds: ['post_payment'],
      horizonMs,
      nameOfJob: (jobId) => payments.find((payment) => String(payment.jobId) === jobId)?.name ?? null,
      readNames: async () => undefined,
      adapters: (actor) => ({
        of: ({ userId }) =>
          emr.adapterOf(payments.find((payment) => payment.userId === userId)?.kind ?? 'none', actor),
      }),
      run: runPosting,
      loops: [],
    },
    passes: () => [1_000, LEASE_MS / 2, LEASE_MS + 1_000, SETTLE_MS + 5_000],
    choices: () => [...emr.choices(), ...people.choices()],
    async beforePass(until) {
      const asked = { text: "SELECT payment_id AS id FROM posting_attempts WHERE outcome = 'accepted'" };
      const { rows } = await sessions.ask<{ id: string }>(asked);
      const accepted = new Set(rows.map(({ id }) => uuidToPaymentId(id)));
      emr.keepPromises({ until, accepted, random: random.next });
    },
    mayGoOn: () => mood.people > 0,
    async endCommands({ goWell, pass }) {
      for (let n = 0; n < MOST_RESTORES && people.isRestoring(); n += 1) {
        people.repeatRestore();
        await goWell();
        await pass(LEASE_MS);
      }
      await sessions.ask('UPDATE holds SET ended_at = greatest(started_at, now()) WHERE ended_at IS NULL');
    },
    isDone: async () => (await hasNoJob()) && payments.every(({ id }) => emr.isQuiet(uuidToPaymentId(id))),
    restMs: async (n) => Math.min(LONGEST_REST_MS, 5_000 * 3 ** n),
    async check() {
      const found: Violation[] = [];
      for (const payment of payments) found.push(...(await check(sessions, { payment, emr, horizonMs })));
      return found;
    },
  };
}
