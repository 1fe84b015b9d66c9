import { findUser, openCredentials } from '@emr-payments/db';
import { checkConnection } from '@emr-payments/operations';
import type { Keyring } from '@emr-payments/runtime';
import type { Register } from '../cli.ts';
import { done, failure } from '../outcome.ts';

/** The credentials in clear, or null when no key at hand opens them. */
function credentialsOf(
  keyring: Keyring,
  connection: { userId: number; credentials: string | null },
): Record<string, string> | null {
  try {
    return openCredentials(keyring, connection);
  } catch {
    return null;
  }
}

export const registerUserCheck: Register = (user, cli) => {
  user
    .command('check')
    .description("try a user's EMR connection, without writing anything there")
    .argument('<user_id>')
    .action((publicId: string) =>
      cli.run(async ({ database, config }) => {
        const found = await findUser({ database }, { publicId });
        if (found === null) return failure('not_found', `There is no user ${publicId}.`);
        const { connection } = found;
        if (connection === null) return failure('refused', `The user ${publicId} has no connection.`);
        const credentials = credentialsOf(config.readKeyring(), {
          userId: found.id,
          credentials: connection.credentials,
        });
        if (credentials === null) {
          return failure('failed', 'No key in ENCRYPTION_KEYS opens the credentials of this connection.');
        }
        const { adapter, baseUrl, timeZone } = connection;
        const settings = connection.settings as Record<string, unknown>;
        const checked = await checkConnection({
          userId: found.id,
          adapter,
          baseUrl,
          timeZone,
          credentials,
          settings,
        });
        if (!checked.ok) return failure('failed', `The EMR connection does not work: ${checked.reason}`);
        const { methods, locations } = checked;
        return done(
          { user_id: publicId, ok: true, payment_methods: methods, locations },
          `The EMR connection works: ${methods} payment methods, ${locations} locations.`,
        );
      }),
    );
};
