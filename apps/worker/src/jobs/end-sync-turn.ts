import { sentence } from '@emr-payments/contracts';
import type { ClaimedSync, SyncEnd } from '@emr-payments/db';
import type { Held } from '../loops/leases.ts';
import type { JobDeps } from './deps.ts';
import { afterTrouble, SYNC_POLICY, type SyncTurn } from './sync-policy.ts';
import { persist } from './under-claim.ts';

const TOO_OFTEN = {
  code: 'began_again',
  reason: sentence`The list of patients could not be read to its end: the connection or the list kept changing.`,
};

type Turn = { run: ClaimedSync; held: Held };

/** Records the end of a claim on a run: it goes on later, begins again, or has ended. A stale holder changes nothing. */
export async function endTurn(deps: JobDeps, input: Turn & { turn: SyncTurn }): Promise<void> {
  const { run, held, turn } = input;
  const { claim } = run;
  switch (turn.outcome) {
    case 'lost':
      return;
    case 'pause':
      return persist(deps, { held, of: fieldsOf(run) }, () =>
        deps.steps.releaseSync(deps, { claim, delayMs: turn.delayMs }),
      );
    case 'restart':
      return restart(deps, { run, held });
    case 'end':
      return end(deps, { run, held }, turn.end);
    case 'trouble': {
      const after = afterTrouble(turn.run, turn);
      if (after.outcome === 'restart') return restart(deps, { run, held });
      if (after.outcome === 'end') return end(deps, { run, held }, after.end);
      const { code, detail: reason } = turn.trouble;
      const { delayMs } = after;
      const waiting = { claim, code, reason, delayMs, stopped: turn.stopped };
      if (!(await persist(deps, { held, of: fieldsOf(run) }, () => deps.steps.putOffSync(deps, waiting))))
        return stale(deps, run);
      deps.logger.info({ ...fieldsOf(run), code, retry_in_ms: delayMs }, 'a sync waits');
    }
  }
}

const fieldsOf = ({ claim, userPublicId, connection }: ClaimedSync) => ({
  user_id: userPublicId,
  job_id: claim.jobId,
  fence: claim.fence,
  adapter: connection.adapter,
});

function stale(deps: JobDeps, run: ClaimedSync): void {
  deps.metrics.staleClaim();
  deps.logger.warn(fieldsOf(run), 'a stale claim changed nothing');
}

/** Begins the run again at once, but in a turn of its own: nothing that this one knows of it is true any more. */
async function restart(deps: JobDeps, { run, held }: Turn): Promise<void> {
  const { claim, restarts } = run;
  if (restarts >= SYNC_POLICY.mostRestarts)
    return end(deps, { run, held }, { state: 'failed', trouble: TOO_OFTEN });
  const restarted = await persist(deps, { held, of: fieldsOf(run) }, () =>
    deps.steps.restartSync(deps, { claim }),
  );
  if (!restarted) return stale(deps, run);
  deps.logger.info({ ...fieldsOf(run), count: restarts + 1 }, 'a sync begins again');
  await persist(deps, { held, of: fieldsOf(run) }, () => deps.steps.releaseSync(deps, { claim, delayMs: 0 }));
}

async function end(deps: JobDeps, { run, held }: Turn, ending: SyncEnd): Promise<void> {
  const { claim, connection } = run;
  const ended = await persist(deps, { held, of: fieldsOf(run) }, () =>
    deps.steps.endSync(deps, { claim, end: ending }),
  );
  if (ended === null) return stale(deps, run);
  if (ended === 'full_wanted') return restart(deps, { run, held });
  const { state: outcome, trouble } = ending;
  deps.metrics.sync({ adapter: connection.adapter, outcome });
  const fields = {
    ...fieldsOf(run),
    outcome,
    count: ended.seen,
    ...(trouble === undefined ? {} : { code: trouble.code }),
  };
  if (outcome === 'failed') deps.logger.warn(fields, 'a sync has failed');
  else deps.logger.info(fields, 'a sync has ended');
}
