import { diagnose } from '@emr-payments/operations';
import type { Register } from '../cli.ts';
import { readConfig } from '../config.ts';
import { table } from '../output/table.ts';

/** Checks of the service as a whole. */
export const registerDoctor: Register = (program, cli) => {
  program
    .command('doctor')
    .description(
      'check configuration, database, queue, clock, keys, work that is late, partitions, holds and connections, and say what to do',
    )
    .action(() =>
      cli.runAlone(async () => {
        const checks = await diagnose({ readSettings: readConfig });
        const failed = checks.some(({ state }) => state === 'failed');
        return {
          exit: failed ? 'failed' : 'ok',
          data: { ok: !failed, checks },
          text: table(
            ['STATE', 'CHECK', 'FOUND'],
            checks.map(({ state, check, found }) => [state, check, found]),
          ),
        };
      }),
    );
};
