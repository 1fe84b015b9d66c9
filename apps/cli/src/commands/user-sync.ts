import { startUserSync } from '@emr-payments/operations';
import type { Register } from '../cli.ts';
import { done, failure } from '../outcome.ts';
import { pairs } from '../output/table.ts';

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
        const data = { user_id: publicId, job_id: started.jobId, started: started.outcome === 'started' };
        return done(data, pairs(Object.entries(data)));
      }),
    );
};
