import { findUser } from '@emr-payments/db';
import { isPlainHttp } from '@emr-payments/emr';
import { describeConnection } from '@emr-payments/operations';
import type { Register } from '../cli.ts';
import { done, failure } from '../outcome.ts';
import { describedData, describedText } from '../output/described.ts';
import { pairs } from '../output/table.ts';

/** Shows one user with its connection, without the credentials. */
export const registerUserShow: Register = (user, cli) => {
  user
    .command('show')
    .description('show a user with its EMR connection, without the credentials')
    .argument('<user_id>')
    .action((publicId: string) =>
      cli.run(async ({ database, config }) => {
        const found = await findUser({ database }, { publicId });
        if (found === null) return failure('not_found', `There is no user ${publicId}.`);
        const { name, client, createdAt, disabledAt, connection } = found;
        const rate = connection?.lane.ratePerSecond ?? null;
        const data = {
          user_id: publicId,
          client_id: client.clientId,
          name,
          adapter: connection?.adapter ?? null,
          base_url: connection?.baseUrl ?? null,
          plain_http: connection === null ? null : isPlainHttp(connection.baseUrl),
          time_zone: connection?.timeZone ?? null,
          settings: connection?.settings ?? null,
          concurrency: connection?.lane.concurrency ?? null,
          rate_per_second: rate === null ? null : Number(rate),
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
        const shown = { ...data, settings: JSON.stringify(data.settings) };
        const warning =
          data.plain_http === true
            ? '\nThe EMR is reached over plain http: what is sent can be read on the way. Connect it with an https address.'
            : '';
        return done(
          { ...data, ...(described === null ? {} : describedData(described)) },
          `${pairs(Object.entries(shown))}${warning}${described === null ? '' : `\n\n${describedText(described)}`}`,
        );
      }),
    );
};
