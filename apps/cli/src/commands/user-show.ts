import { showUser } from '@emr-payments/operations';
import type { Register } from '../cli.ts';
import { done, failure } from '../outcome.ts';
import { describedData, describedText } from '../output/described.ts';
import { limitShown, limitText } from '../output/rate-limit.ts';
import { pairs } from '../output/table.ts';

const LOGIN_ENDED =
  '\nThe EMR has ended the login, and payments wait: log in there again, and give the new credentials with user connect --user.';

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
          time_zone: connection?.timeZone ?? null,
          settings: connection?.settings ?? null,
          concurrency: connection?.lane.concurrency ?? null,
          rate_per_second: rate === null ? null : Number(rate),
          rate_limit: limitShown(connection?.lane.bucket ?? null),
          share_emr_text: connection?.shareEmrText ?? null,
          created_at: createdAt,
          disabled_at: disabledAt,
        };
        const shown = {
          ...data,
          settings: JSON.stringify(data.settings),
          rate_limit: limitText(data.rate_limit),
        };
        const warning =
          data.plain_http === true
            ? '\nThe EMR is reached over plain http: what is sent can be read on the way. Connect it with an https address.'
            : '';
        const ended = data.login === 'login_required' ? LOGIN_ENDED : '';
        return done(
          { ...data, ...(described === null ? {} : describedData(described)) },
          `${pairs(Object.entries(shown))}${warning}${ended}${described === null ? '' : `\n\n${describedText(described)}`}`,
        );
      }),
    );
};
