import { startUserSync } from '@emr-payments/operations';
import type { Register } from '../cli.ts';
import { done, failure } from '../outcome.ts';
import { pairs } from '../output/table.ts';

const SAID = {
  started: 'The sync is started.',
  running: 'A sync is under way already; nothing was changed.',
  raised: 'The sync that is under way will read all patients.',
} as const;

/** Starts a sync of one user. The workers carry it out; `user show` says how far it is. */
export const registerUserSync: Register = (user, cli) => {
  user
    .command('sync')
    .description('read patients, payment methods and locations from the EMR, if no sync is under way')
    .argument('<user_id>')
    .option('--full', 'read all patients, also where the EMR can list what has changed')
    .action((publicId: string, { full = false }: { full?: boolean }) =>
      cli.run(async ({ database, by }) => {
        const started = await startUserSync({ database }, { publicId, full, by });
        if (started.outcome === 'no_user') return failure('not_found', `There is no user ${publicId}.`);
        if (started.outcome === 'no_connection')
          return failure('refused', `The user ${publicId} has no connection.`);
        const { outcome, jobId } = started;
        const data = {
          ...{ user_id: publicId, job_id: jobId },
          ...{ started: outcome === 'started', raised: outcome === 'raised' },
        };
        return done(data, `${SAID[outcome]}\n${pairs(Object.entries(data))}`);
      }),
    );
};
