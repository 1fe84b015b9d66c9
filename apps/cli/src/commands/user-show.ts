import { showUser } from '@emr-payments/operations';
import type { Register } from '../cli.ts';
import { done, failure } from '../outcome.ts';
import { describedData, describedText } from '../output/described.ts';
import { healthShown } from '../output/health.ts';
import { limitShown, limitText } from '../output/rate-limit.ts';
import { syncShown, syncText } from '../output/sync.ts';
import { pairs } from '../output/table.ts';

const LOGIN_ENDED =
  '\nThe EMR has ended the login or rejects the credentials, and payments wait: give new ones with user connect --user, or run user check when the EMR accepts these again.';

/** Shows one user with its connection, without the credentials. */
export const registerUserShow: Register = (user, cli) => {
  user
    .command('show')
    .description('show a user with its EMR connection, without the credentials')
    .argument('<user_id>')
    .action((publicId: string) =>
      cli.run(async ({ database, config }) => {
        const found = await showUser({ database, readKeyring: config.readKeyring }, { publicId });
        if (found === null) return failure('not_found', `There is no user ${publicId}.`);
        const { name, client, createdAt, disabledAt } = found.user;
        const connection = found.connection?.stored;
        const described = found.connection?.described ?? null;
        const rate = connection?.lane.ratePerSecond ?? null;
        const data = {
          user_id: publicId,
          client_id: client.clientId,
          name,
          adapter: connection?.adapter ?? null,
          base_url: connection?.baseUrl ?? null,
          plain_http: found.connection?.plainHttp ?? null,
          login: found.connection?.login ?? null,
          ...healthShown(found.health),
          waiting: found.broken?.waiting ?? null,
          time_zone: connection?.timeZone ?? null,
          settings: connection?.settings ?? null,
          concurrency: connection?.lane.concurrency ?? null,
          rate_per_second: rate === null ? null : Number(rate),
          rate_limit: limitShown(connection?.lane.bucket ?? null),
          share_emr_text: connection?.shareEmrText ?? null,
          last_sync: syncShown(found.connection?.sync ?? null),
          created_at: createdAt,
          disabled_at: disabledAt,
        };
        const shown = {
          ...data,
          settings: JSON.stringify(data.settings),
          rate_limit: limitText(data.rate_limit),
          last_sync: syncText(data.last_sync),
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
