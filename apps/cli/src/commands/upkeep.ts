import { sealOldEmrTexts } from '@emr-payments/operations';
import { counted } from '@emr-payments/runtime';
import type { Register } from '../cli.ts';
import { done } from '../outcome.ts';

const lines = (texts: readonly (string | false)[]): string =>
  texts.filter((text) => text !== false).join('\n');

/** Work on what earlier versions have stored. */
export const registerUpkeep: Register = (program, cli) => {
  program
    .command('upkeep')
    .description('work on what earlier versions have stored')
    .command('seal-emr-text')
    .description("seal the EMR's own words that earlier versions wrote into reasons, while the service runs")
    .option('--dry-run', 'count them and change nothing')
    .action(({ dryRun = false }: { dryRun?: boolean }) =>
      cli.run(async ({ database, config, by }) => {
        const keyring = config.readKeyring();
        const counts = await sealOldEmrTexts({ database, keyring }, { by, dryRun });
        const { payments, attempts, shared, left } = counts;
        const would = dryRun ? 'Would seal' : 'Sealed';
        return done(
          { dry_run: dryRun, ...counts },
          lines([
            `${would} the EMR's words in the reasons of ${counted(payments, { one: 'payment' })} and in the details of ${counted(attempts, { one: 'attempt' })}.`,
            shared > 0 &&
              `Left ${counted(shared, { one: 'reason' })} of users whose connection shares the EMR's words.`,
            left > 0 &&
              `Left ${counted(left, { one: 'reason' })} of payments that have no attempt to which the words can be moved.`,
            "Events keep what was sent: they are removed with their age. So do backups and the integrators' own records.",
          ]),
        );
      }),
    );
};
