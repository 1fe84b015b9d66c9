import type { OnOpen } from '@emr-payments/runtime/postgres';
import { SYSTEM } from '../audit/entry.ts';
import { DatabaseUnavailableError, type StatementDeps } from '../core/statements.ts';
import { startHold } from '../holds/switch-hold.ts';
import { decideLineage, type LineageDecision, type LossDoubt } from '../lineage/decide-lineage.ts';
import {
  adoptCluster,
  advanceMark,
  beginLineage,
  doubtLineage,
  readLineage,
} from '../lineage/lineage-statements.ts';

/** The reason of the hold. The operator reads it first in `hold status`, `doctor` and the log. */
export const LOSS_SENTENCES: Readonly<Record<LossDoubt, string>> = {
  commits_lost:
    'The database has lost commits that were acknowledged: it was restored from a backup or a snapshot, or a standby that lacked them took over. ' +
    "Run 'emr-payments restored --since T' with the time up to which it is complete",
  other_cluster:
    'The database is on another server or timeline than before, or was loaded from a dump, and nothing shows that it has everything. ' +
    "After a restore run 'emr-payments restored --since T'; if nothing is missing, 'emr-payments hold off --nothing-lost'",
};

export type LineageGuard = {
  /**
   * Checks a new connection before anybody has it, so that nothing is claimed on a database whose loss was not noticed: a restored or another
   * server is only reached over new connections. Before `begin` it checks nothing, and the process claims nothing.
   */
  onOpen: OnOpen;
  /**
   * Checks for the first time. To be repeated until it resolves with true, before anything is claimed. What it finds committed on the server that the
   * service ran on last is this process's first mark: a failover a moment later finds it with a witness.
   *
   * @param input.witnessOf reads the mark that is remembered outside of the database; null when there is none.
   * @param input.mayWait true: where only another process can know that another server has everything, nothing is decided.
   * @returns false when nothing was decided.
   */
  begin(
    deps: StatementDeps,
    input: { witnessOf: (installation: string) => Promise<number | null>; mayWait?: boolean },
  ): Promise<boolean>;
  /** Checks, and raises the mark. @returns it with its installation, once it is committed; null while loss is in doubt. */
  advance(deps: StatementDeps): Promise<{ installation: string; mark: number } | null>;
};

/**
 * Notices that the database has lost commits, and puts posting on hold then (docs/decisions/0027-lineage.md). It remembers the highest mark that it has seen
 * committed.
 *
 * @param deps.report gets every decision.
 */
export function createLineageGuard({
  report,
}: {
  report: (decision: LineageDecision) => void;
}): LineageGuard {
  let witness: number | null = null;
  let installation: string | null = null;
  let begun = false;

  const raise = (mark: number | null): void => {
    if (mark !== null) witness = Math.max(witness ?? mark, mark);
  };

  async function stateOf(deps: StatementDeps) {
    const state = await readLineage(deps);
    if (state === null) throw new DatabaseUnavailableError('PostgreSQL recovers: it takes no writes yet');
    installation = state.row?.installation ?? installation;
    return state;
  }

  async function hold(deps: StatementDeps, doubt: LossDoubt): Promise<void> {
    await startHold(deps, { scope: 'all', reason: LOSS_SENTENCES[doubt], by: SYSTEM });
  }

  /** @returns the identity of the server, whether loss is in doubt, and the mark that was found. */
  async function check(deps: StatementDeps): Promise<{ cluster: string; inDoubt: boolean; mark: number }> {
    // Before the read: what `advance` commits and remembers during it may be missing from what is read.
    const seen = witness;
    const state = await stateOf(deps);
    const { cluster } = state;
    const decision = decideLineage({ state, witness: seen });
    switch (decision.decision) {
      case 'first':
        await beginLineage(deps, { cluster });
        break;
      case 'adopt':
        await adoptCluster(deps, { from: decision.from, to: cluster });
        break;
      case 'doubt': {
        const { doubt } = decision;
        // Before the hold, which nobody can end from then on. If the hold fails, the next check makes it.
        await doubtLineage(deps, { installation, cluster, doubt, witness: seen });
        await hold(deps, doubt);
        break;
      }
      case 'in_doubt':
        // Its process may have ended before the hold; and a version that does not know the lineage can end one.
        if (!state.onHold) await hold(deps, state.row?.doubt ?? 'commits_lost');
        break;
    }
    report(decision);
    const inDoubt = decision.decision === 'doubt' || decision.decision === 'in_doubt';
    return { cluster, inDoubt, mark: state.row?.mark ?? 0 };
  }

  return {
    async onOpen(client) {
      if (begun) await check({ database: { pool: client } });
    },
    async begin(deps, { witnessOf, mayWait = false }) {
      const state = await stateOf(deps);
      if (state.row !== null) raise(await witnessOf(state.row.installation));
      const decision = decideLineage({ state, witness });
      if (mayWait && decision.decision === 'doubt' && decision.doubt === 'other_cluster') return false;
      const { inDoubt, mark } = await check(deps);
      if (!inDoubt) raise(mark);
      begun = true;
      return true;
    },
    async advance(deps) {
      const { cluster, inDoubt } = await check(deps);
      if (inDoubt) return null;
      const mark = await advanceMark(deps, { cluster });
      raise(mark);
      return mark === null || installation === null ? null : { installation, mark };
    },
  };
}
