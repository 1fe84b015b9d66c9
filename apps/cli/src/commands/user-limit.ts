import { setLimit } from '@emr-payments/operations';
import { assignment } from '../arguments.ts';
import type { Register } from '../cli.ts';
import { done, failure } from '../outcome.ts';
import { connectionRefusal } from '../output/connection-refusal.ts';
import { windowsText } from '../output/rate-limit.ts';
import { pairs } from '../output/table.ts';

/** Sets the limit of requests of a vendor for all connections that share it. */
export const registerUserLimit: Register = (user, cli) => {
  user
    .command('limit')
    .description("set the vendor's limit of requests for all connections that share it with this user's")
    .argument('<user_id>')
    .argument(
      '<name=value>',
      'the setting of the adapter that says it, such as calls_per_hour=5000',
      assignment,
    )
    .action((publicId: string, setting: Record<string, string>) =>
      cli.run(async ({ database, config, by }) => {
        const result = await setLimit(
          { database, keyring: config.readKeyring(), sandboxHosts: config.readSandboxHosts() },
          { publicId, setting, by },
        );
        switch (result.outcome) {
          case 'no_user':
          case 'no_connection':
          case 'sealed':
            return connectionRefusal(result.outcome, { publicId });
          case 'no_limit':
            return failure(
              'refused',
              `The connection of ${publicId} (adapter ${result.adapter}) falls under no limit of requests.`,
            );
          case 'wrong_setting':
            return failure('usage', result.reason);
          case 'set': {
            const windows = result.windows.map(({ calls, perMs }) => ({ calls, per_ms: perMs }));
            const limit = { key: result.key, windows };
            return done(
              { user_id: publicId, rate_limit: limit },
              pairs([
                ['key', limit.key],
                ['limit', windowsText(limit)],
              ]),
            );
          }
        }
      }),
    );
};
