import { rotateKeys } from '@emr-payments/operations';
import type { Register } from '../cli.ts';
import { done, failure } from '../outcome.ts';
import { createProgress } from '../output/progress.ts';

/** The keys that seal credentials, webhook secrets and remembered answers. */
export const registerKeys: Register = (program, cli) => {
  program
    .command('keys')
    .description('encryption keys')
    .command('rotate')
    .description('seal everything again with the first of the keys, while the service runs')
    .action(() =>
      cli.run(async ({ database, config, by, terminal }) => {
        const keyring = config.readKeyring();
        const bar = createProgress({ screen: terminal.stderr }, { label: 'keys' });
        const { resealed, current, unopened } = await rotateKeys(
          { database, keyring },
          { by, onProgress: (n, total) => bar.update({ done: n, total, note: `${n} of ${total}` }) },
        );
        bar.end();
        if (unopened.length > 0) {
          const named = unopened.slice(0, 10).join(', ');
          return failure(
            'failed',
            `No key in ENCRYPTION_KEYS opens ${unopened.length} of the values (${named}); ${resealed} others were sealed ` +
              'again. Put the key that sealed them back into ENCRYPTION_KEYS and run this again.',
          );
        }
        return done(
          { key: keyring.current, resealed, already_current: current },
          `Sealed with '${keyring.current}': ${resealed} now, ${current} before. Older keys may be removed.`,
        );
      }),
    );
};
