import { uuidToPaymentId } from '@emr-payments/contracts';
import {
  beginRestore,
  endHold,
  type HoldScope,
  putInDoubt,
  resolvePayment,
  retryPayment,
  startHold,
  waitForClaims,
} from '@emr-payments/db';
import type { Actor, Choice } from '../border.ts';
import type { HeldDatabase, World } from '../held-database.ts';
import { requests } from '../requests.ts';
import type { Emr } from './emr.ts';
import type { Played } from './rules.ts';

/** Integrators and operators, at any moment: retries, decisions, holds and restores. */
export type People = {
  choices(): Choice[];
  /** True while a restore has not come to its end. Then nobody may end the hold. */
  isRestoring(): boolean;
  /** Repeats a restore whose process has died, as the operator has to. */
  repeatRestore(): void;
};

type HeldDeps = { database: HeldDatabase };

const BY = { actor: 'a person', source: 'schedules' };

export function createPeople(
  world: World & { emr: Emr },
  payments: readonly (Played & { userId: number; practice: string })[],
): People {
  const { clock, emr } = world;
  const asked = requests(world);

  /** Holds for everybody and for the practice of one payment. */
  function holds(): Choice[] {
    const [{ userId, practice } = {}] = payments;
    const scopes: HoldScope[] = ['all', { userId: userId ?? 0, publicId: practice ?? '' }];
    const doubt = asked('restore', restored?.by.alive ? 0 : 0.1, restore);
    const switches = scopes.flatMap((scope) => {
      const name = scope === 'all' ? 'all' : '#1';
      return [
        asked(`hold of ${name}`, 0.1, (deps) => startHold(deps, { scope, reason: null, by: BY })),
        asked(`end of the hold of ${name}`, 0.3, (deps) => endHold(deps, { scope, by: BY })),
      ];
    });
    return [doubt, ...switches];
  }

  /** The backup of a restore that has not ended, and who works on it. */
  let restored = null as { since: Date; by: Actor } | null;

  /** What `hold on`, `restored` and `hold off` do. The database has lost nothing: everything that is in doubt then is there. */
  async function restore(deps: HeldDeps, by: Actor): Promise<void> {
    const { since } = restored ?? { since: new Date(clock.now() - 60_000) };
    const mine = { since, by };
    restored = mine;
    try {
      await startHold(deps, { scope: 'all', reason: null, by: BY });
      await waitForClaims(deps, { scope: 'all', waitMs: 3_600_000, onWait: () => undefined });
      const begun = await beginRestore(deps, { since, by: BY });
      if (begun.outcome !== 'begun') return;
      const { id, startedAt } = begun.restore;
      await putInDoubt(deps, { restoreId: id, since, startedAt, by: BY });
      await endHold(deps, { scope: 'all', by: BY });
      restored = null;
    } finally {
      mine.by.alive = false;
    }
  }

  /** A person looks into the EMR when nothing changes there any more, or asks for another try. */
  function people(): Choice[] {
    return payments.flatMap(({ id, name }) => {
      const paymentId = uuidToPaymentId(id);
      const share = 1 / (2 * payments.length);
      const key = { paymentId, userId: null, by: BY };
      return [
        asked(`retry of ${name}`, share, (deps) => retryPayment(deps, key)),
        asked(`decision about ${name}`, share, async (deps) => {
          if (!emr.isQuiet(paymentId)) return;
          const entry = emr.entries.find((each) => each.paymentId === paymentId);
          const resolution =
            entry === undefined
              ? ({ outcome: 'not_posted' } as const)
              : ({ outcome: 'posted', emrTransactionId: entry.id } as const);
          await resolvePayment(deps, { ...key, resolution, note: 'It was looked up.' });
        }),
      ];
    });
  }

  return {
    choices: () => [...people(), ...holds()],
    isRestoring: () => restored !== null,
    repeatRestore() {
      if (restored?.by.alive === false) asked('restore', 1, restore).happen();
    },
  };
}
