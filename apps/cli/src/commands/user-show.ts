import { findUser, listBrokenConnections, readHealth } from '@emr-payments/db';
import { usesPlainHttp } from '@emr-payments/emr';
import { describeConnection, type LoginState, loginOf } from '@emr-payments/operations';
import { ConfigError } from '@emr-payments/runtime';
import type { CommandDeps, Register } from '../cli.ts';
import { done, failure } from '../outcome.ts';
import { describedData, describedText } from '../output/described.ts';
import { healthShown } from '../output/health.ts';
import { limitShown, limitText } from '../output/rate-limit.ts';
import { pairs } from '../output/table.ts';

type Connection = NonNullable<NonNullable<Awaited<ReturnType<typeof findUser>>>['connection']>;

/** Reads how the login is; without a keyring nobody can know which one it is. */
async function stateOf({ database, config }: CommandDeps, connection: Connection): Promise<LoginState> {
  const { userId, adapter, baseUrl, timeZone, credentials } = connection;
  const settings = connection.settings as Record<string, unknown>;
  try {
    const keyring = config.readKeyring();
    return await loginOf(
      { database, keyring },
      { userId, adapter, baseUrl, timeZone, credentials, settings },
    );
  } catch (error) {
    if (error instanceof ConfigError) return 'unknown';
    throw error;
  }
}

const LOGIN_ENDED =
  '\nThe EMR has ended the login or rejects the credentials, and payments wait: give new ones with user connect --user, or run user check when the EMR accepts these again.';

/** Shows one user with its connection, without the credentials. */
export const registerUserShow: Register = (user, cli) => {
  user
    .command('show')
    .description('show a user with its EMR connection, without the credentials')
    .argument('<user_id>')
    .action((publicId: string) =>
      cli.run(async (deps) => {
        const { database, config } = deps;
        const found = await findUser({ database }, { publicId });
        if (found === null) return failure('not_found', `There is no user ${publicId}.`);
        const { name, client, createdAt, disabledAt, connection } = found;
        const rate = connection?.lane.ratePerSecond ?? null;
        const stored = await readHealth({ database }, { userId: found.id });
        const [broken] = await listBrokenConnections({ database }, { userId: found.id });
        const data = {
          user_id: publicId,
          client_id: client.clientId,
          name,
          adapter: connection?.adapter ?? null,
          base_url: connection?.baseUrl ?? null,
          plain_http:
            connection === null
              ? null
              : usesPlainHttp({ baseUrl: connection.baseUrl, settings: connection.settings }),
          login: connection === null ? null : await stateOf(deps, connection),
          ...healthShown(stored),
          waiting: broken?.waiting ?? null,
          time_zone: connection?.timeZone ?? null,
          settings: connection?.settings ?? null,
          concurrency: connection?.lane.concurrency ?? null,
          rate_per_second: rate === null ? null : Number(rate),
          rate_limit: limitShown(connection?.lane.bucket ?? null),
          share_emr_text: connection?.shareEmrText ?? null,
          created_at: createdAt,
          disabled_at: disabledAt,
        };
        const described =
          connection === null
            ? null
            : describeConnection(config, {
                userId: found.id,
                adapter: connection.adapter,
                baseUrl: connection.baseUrl,
                credentials: connection.credentials,
                settings: connection.settings as Record<string, unknown>,
                timeZone: connection.timeZone,
              });
        const shown = {
          ...data,
          settings: JSON.stringify(data.settings),
          rate_limit: limitText(data.rate_limit),
        };
        const warning =
          data.plain_http === true
            ? '\nThe EMR is reached over plain http: what is sent can be read on the way. Connect it with an https address.'
            : '';
        const isEnded = data.login === 'login_required' || data.connection_state === 'login_required';
        const ended = isEnded ? LOGIN_ENDED : '';
        return done(
          { ...data, ...(described === null ? {} : describedData(described)) },
          `${pairs(Object.entries(shown))}${warning}${ended}${described === null ? '' : `\n\n${describedText(described)}`}`,
        );
      }),
    );
};
