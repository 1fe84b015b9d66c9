import { countSealed, recordAudit, resealAll } from '@emr-payments/db';
import type { Register } from '../cli.ts';
import { done, failure } from '../outcome.ts';
import { createProgress } from '../output/progress.ts';

/** The keys that seal credentials and webhook secrets. */
export const registerKeys: Register = (program, cli) => {
  program
    .command('keys')
    .description('encryption keys')
    .command('rotate')
    .description('seal everything again with the first of the keys, while the service runs')
    .action(() =>
      cli.run(async ({ database, config, by }) => {
        const keyring = config.readKeyring();
        const total = await countSealed({ database });
        const bar = createProgress({}, { label: 'keys', total });
        const onProgress = (n: number) => bar.update(n, `${n} of ${total}`);
        const counts = await resealAll({ database, keyring }, { onProgress });
        bar.end();
        const { resealed, current, unopened } = counts;
        await recordAudit(
          { database },
          {
            ...by,
            action: 'keys.rotate',
            subject: `keys:${keyring.current}`,
            outcome: unopened.length === 0 ? 'done' : 'failed',
            detail: { resealed, unopened: unopened.length },
          },
        );
        if (unopened.length > 0) {
          const named = unopened.slice(0, 10).join(', ');
          return failure(
            'failed',
            `No key at hand opens ${unopened.length} of the values (${named}); ${resealed} others were sealed again. ` +
              'Put the key that sealed them back into ENCRYPTION_KEYS and run this again.',
          );
        }
        return done(
          { key: keyring.current, resealed, already_current: current },
          `Sealed with '${keyring.current}': ${resealed} now, ${current} before. Older keys may be taken away.`,
        );
      }),
    );
};
