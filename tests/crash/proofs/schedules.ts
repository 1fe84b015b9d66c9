import type { Rule } from '../rules.ts';
import type { SabotageName } from './sabotages.ts';
import type { Scene, Script } from './scene.ts';

/** A schedule that catches one sabotage every time, and finds nothing at a correct worker. */
export type Schedule = {
  about: string;
  /** The violations that the sabotage must lead to: at least one of them. */
  caughtAs: readonly Rule[];
  script: Script;
  play(scene: Scene): Promise<void>;
};

const TWICE: readonly Rule[] = ['two ledger entries for one payment'];
const LOST = 'written, then the connection is cut';
/** Longer than the time between a send and the next look-up, where a schedule is about other things. */
const SETTLE_MS = 500;

/** Nobody is frozen: the far ends alone decide. */
async function undisturbed(scene: Scene): Promise<void> {
  await scene.accept();
  await scene.quiet();
}

/** The holder of the first claim is frozen; another worker takes the job over and settles it; the holder wakes. */
const overtaken =
  (point: 'before beginAttempt' | 'after beginAttempt' | 'before settlePayment') => async (scene: Scene) => {
    const freezing = scene.freeze(point);
    await scene.accept();
    const holder = await freezing;
    await scene.settled();
    await holder.wake();
    await scene.quiet();
  };

/** The first holder knows of a refusal, the second of an entry. The first wakes first. */
async function settledByBoth(scene: Scene): Promise<void> {
  const refusing = scene.freeze('before settlePayment');
  await scene.accept();
  const refused = await refusing;
  const posted = await scene.freeze('before settlePayment', { fromFence: refused.fence + 1 });
  await refused.wake();
  await posted.wake();
  await scene.quiet();
}

/** Once another worker has the job, it settles it; if none has, nothing is waited for. */
async function settledIfTaken(scene: Scene, fence: number): Promise<void> {
  if ((await scene.fence()) !== fence) await scene.settled();
}

export const SCHEDULES: Readonly<Record<SabotageName, Schedule>> = {
  'skip-look-up': {
    about: 'an unknown outcome is taken for "known absent"',
    caughtAs: TWICE,
    script: { capability: 'lookup', create: [LOST], settleMs: SETTLE_MS },
    play: undisturbed,
  },
  'settle-ms-ignored': {
    about: '"not found" is believed before settle_ms has passed',
    caughtAs: TWICE,
    // The third search finds the entry, long before settle_ms has passed.
    script: { capability: 'lookup', create: [LOST], hiddenSearches: 2, settleMs: 60_000 },
    play: undisturbed,
  },
  'literal-absence': {
    about: 'an answer that was not understood is taken for "not found"',
    caughtAs: TWICE,
    script: {
      capability: 'lookup',
      create: [LOST],
      search: [
        'an error in place of entries',
        'a total without entries',
        'only an OperationOutcome of severity error',
      ],
      settleMs: 0,
    },
    play: undisturbed,
  },
  'known-not-asked': {
    about: 'an empty search is believed, though it does not show what the EMR took before either',
    caughtAs: TWICE,
    // The second payment is not shown at first, and neither is the first one.
    script: {
      capability: 'lookup',
      create: [LOST],
      hiddenSearches: 2,
      settleMs: 0,
    },
    async play(scene) {
      await scene.settleAnother();
      await scene.accept();
      await scene.quiet();
    },
  },
  'differs-believed': {
    about: "an entry with our payment id and another amount is believed to be the payment's",
    caughtAs: ['payment is posted with an entry that differs'],
    script: {
      capability: 'lookup',
      checkedAs: 'foreign',
      create: ['written with another amount, then the connection is cut'],
      settleMs: SETTLE_MS,
    },
    play: undisturbed,
  },
  'send-again-unasked': {
    about: 'an unknown outcome at an EMR that cannot be asked is taken for "not sent"',
    caughtAs: TWICE,
    script: { capability: 'none', create: [LOST], settleMs: SETTLE_MS },
    play: undisturbed,
  },
  'accepted-sent-again': {
    about: 'a payment that the EMR has accepted for later is sent again',
    caughtAs: TWICE,
    // The third search finds the entry: settle_ms is over, and proves nothing about what the EMR has accepted.
    script: { capability: 'lookup', create: ['202, written at once'], hiddenSearches: 2, settleMs: 0 },
    play: undisturbed,
  },
  'another-key': {
    about: 'a conditional create is sent again with another key',
    caughtAs: TWICE,
    script: { capability: 'conditional-create', conditionalOnly: true, create: [LOST], settleMs: SETTLE_MS },
    play: undisturbed,
  },
  'no-sent-at': {
    about: 'the request leaves before its posting attempt has been written',
    caughtAs: TWICE,
    script: { capability: 'lookup', settleMs: SETTLE_MS },
    // The EMR has the entry; the holder was frozen before it could say so.
    play: overtaken('before settlePayment'),
  },
  'no-fence': {
    about: 'a former holder of a job may settle it',
    caughtAs: ['failed payment is in the ledger', 'two events for one payment'],
    script: { capability: 'lookup', create: ['refused as not valid'], settleMs: SETTLE_MS },
    play: settledByBoth,
  },
  'no-fence-in-sets': {
    about: 'a former holder of a job may settle it, in a set',
    caughtAs: ['failed payment is in the ledger', 'two events for one payment'],
    script: { capability: 'lookup', create: ['refused as not valid'], settleMs: SETTLE_MS, inSets: true },
    play: settledByBoth,
  },
  'no-round': {
    about: 'a former holder may settle a round that has been settled: its event has a second one',
    caughtAs: ['two events for one payment'],
    script: { capability: 'lookup', settleMs: SETTLE_MS },
    play: overtaken('before settlePayment'),
  },
  'no-fence-at-begin': {
    about: 'a former holder of a job may begin an attempt',
    caughtAs: TWICE,
    script: { capability: 'lookup', settleMs: SETTLE_MS },
    play: overtaken('before beginAttempt'),
  },
  'no-fence-at-retry': {
    about: "a former holder of a job may put it back while the present one's request is on its way",
    caughtAs: TWICE,
    script: {
      capability: 'lookup',
      create: ['not written, connection cut'],
      heldCreate: 1,
      settleMs: SETTLE_MS,
    },
    async play(scene) {
      const freezing = scene.freeze('before retryPosting');
      await scene.accept();
      const former = await freezing;
      // The present holder's request is at the EMR, which takes its time.
      await scene.created(1);
      const fence = await scene.fence();
      await former.wake();
      if (fence !== null) await settledIfTaken(scene, fence);
      scene.release();
      await scene.quiet();
    },
  },
  'lease-ignored': {
    about: 'a request leaves although the lease has run out',
    caughtAs: TWICE,
    script: { capability: 'lookup', settleMs: SETTLE_MS },
    play: overtaken('after beginAttempt'),
  },
  'lease-not-renewed': {
    about: 'a holder at work does not renew its lease',
    caughtAs: TWICE,
    script: { capability: 'lookup', heldCreate: 0, settleMs: SETTLE_MS },
    async play(scene) {
      await scene.accept();
      await scene.created(0);
      const fence = await scene.fence();
      // Long enough for a sweep, if the lease had run out.
      await scene.pastLease(3_000);
      if (fence !== null) await settledIfTaken(scene, fence);
      scene.release();
      await scene.quiet();
    },
  },
  'no-outbox': {
    about: 'a job whose holder was killed is never queued again',
    caughtAs: ['acknowledged payment is not settled'],
    script: { capability: 'lookup', settleMs: SETTLE_MS },
    async play(scene) {
      const freezing = scene.freeze('after claimPosting');
      await scene.accept();
      await scene.crash(await freezing);
      await scene.quiet();
    },
  },
  'claimed-for-ever': {
    about:
      'a delivery that was claimed with its settlement is never taken back from a worker that was killed',
    caughtAs: ['event is missing'],
    script: { capability: 'lookup', settleMs: SETTLE_MS },
    async play(scene) {
      const freezing = scene.freeze('after settlePayment');
      await scene.accept();
      await scene.crash(await freezing);
      await scene.quiet();
    },
  },
  'no-event': {
    about: 'a payment is settled without its event',
    caughtAs: ['event is missing'],
    script: { capability: 'lookup', settleMs: SETTLE_MS },
    play: undisturbed,
  },
  'no-second-delivery': {
    about: 'a delivery that failed is not tried again',
    caughtAs: ['event is missing'],
    script: { capability: 'lookup', firstDelivery: 500, settleMs: SETTLE_MS },
    play: undisturbed,
  },
};
