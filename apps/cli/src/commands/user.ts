import {
  checkUserConnection,
  disableUser,
  enableUser,
  findListedClient,
  listUsers,
  rotateAccessToken,
} from '@emr-payments/operations';
import { durationOption } from '../arguments.ts';
import type { Register } from '../cli.ts';
import { done, failure } from '../outcome.ts';
import { connectionRefusal } from '../output/connection-refusal.ts';
import { describedData, describedText } from '../output/described.ts';
import { pairs, table } from '../output/table.ts';
import { noteLines, registerUserConnect } from './user-connect.ts';
import { registerUserLimit } from './user-limit.ts';
import { registerNoticeAddress } from './user-notices.ts';
import { registerUserShow } from './user-show.ts';
import { registerUserSync } from './user-sync.ts';

/** Says how many names a payment may give. An EMR without a list takes every name, which `0` would not say. */
const namesText = ({ methods, locations }: { methods: number | null; locations: number | null }): string =>
  [
    methods === null ? 'any payment method (the EMR has no list of them)' : `${methods} payment methods`,
    locations === null ? 'any location (the EMR has no list of them)' : `${locations} locations`,
  ].join(', ');

/** Users (practice logins), their access tokens and their EMR connections. */
export const registerUser: Register = (program, cli) => {
  const user = program.command('user').description('users (practice logins) and their EMR connections');
  registerUserConnect(user, cli);
  registerUserShow(user, cli);
  registerUserSync(user, cli);
  registerNoticeAddress(user, cli);
  registerUserLimit(user, cli);

  user
    .command('check')
    .description(
      "try a user's EMR connection without writing anything there, and keep what it says about itself",
    )
    .argument('<user_id>')
    .action((publicId: string) =>
      cli.run(async ({ database, config, by }) => {
        const checked = await checkUserConnection(
          { database, keyring: config.readKeyring(), sandboxHosts: config.readSandboxHosts() },
          { publicId, by },
        );
        switch (checked.outcome) {
          case 'no_user':
          case 'no_connection':
          case 'sealed':
            return connectionRefusal(checked.outcome, { publicId });
          case 'not_working':
            return failure('failed', `The EMR connection does not work: ${checked.reason}`);
          case 'replaced':
            return failure('failed', 'The connection was changed while it was checked. Check it again.');
          case 'works':
            return done(
              {
                user_id: publicId,
                ok: true,
                capability: checked.capability,
                payment_methods: checked.methods,
                locations: checked.locations,
                unusable: checked.unusable,
                remarks: checked.remarks,
                changed: checked.changed,
                ...describedData(checked.described),
              },
              [
                `The EMR connection works: ${namesText(checked)}.`,
                ...checked.changed.map((change) => `Changed, as the EMR says it now: ${change}.`),
                ...noteLines(checked),
                '',
                describedText(checked.described),
              ].join('\n'),
            );
        }
      }),
    );

  user
    .command('list')
    .description('list all users, or those of one client')
    .option('--client <client_id>', 'only those of this client')
    .action(({ client }: { client?: string }) =>
      cli.run(async ({ database }) => {
        if (client !== undefined && (await findListedClient({ database }, { clientId: client })) === null)
          return failure('not_found', `There is no client ${client}.`);
        const users = await listUsers({ database }, { clientId: client });
        return done(
          {
            users: users.map((one) => ({
              user_id: one.publicId,
              client_id: one.clientId,
              name: one.name,
              adapter: one.connection?.adapter ?? null,
              base_url: one.connection?.baseUrl ?? null,
              connection_state: one.state,
              time_zone: one.connection?.timeZone ?? null,
              valid_tokens: one.validTokens,
              created_at: one.createdAt,
              disabled_at: one.disabledAt,
            })),
          },
          table(
            [
              'USER_ID',
              'CLIENT_ID',
              'NAME',
              'ADAPTER',
              'BASE URL',
              'TIME ZONE',
              'TOKENS',
              'DISABLED',
              'STATE',
            ],
            users.map((one) => [
              one.publicId,
              one.clientId,
              one.name,
              one.connection?.adapter,
              one.connection?.baseUrl,
              one.connection?.timeZone,
              one.validTokens,
              one.disabledAt,
              one.state,
            ]),
          ),
        );
      }),
    );

  user
    .command('rotate-token')
    .description('give a user another access token; the previous one stays valid for a while')
    .argument('<user_id>')
    .addOption(
      durationOption({
        flags: '--overlap <time>',
        description: 'how long the old token stays valid',
        usual: '24h',
      }),
    )
    .action((publicId: string, { overlap }: { overlap: number }) =>
      cli.run(async ({ database, by }) => {
        const rotated = await rotateAccessToken({ database }, { publicId, overlapMs: overlap, by });
        if (rotated.outcome === 'not_found') return failure('not_found', `There is no user ${publicId}.`);
        if (rotated.outcome === 'disabled') {
          return failure('refused', `The user ${publicId} is disabled; it gets no new token.`);
        }
        return done(
          { user_id: publicId, access_token: rotated.secret, old_token_valid_until: rotated.oldUntil },
          `${pairs([
            ['user_id', publicId],
            ['access_token', rotated.secret],
            ['old token until', rotated.oldUntil],
          ])}\nThe token is shown only now: keep it.`,
        );
      }),
    );

  user
    .command('disable')
    .description('stop a user: its access tokens are refused within seconds')
    .argument('<user_id>')
    .action((publicId: string) =>
      cli.run(async ({ database, by }) => {
        const switched = await disableUser({ database }, { publicId, by });
        if (switched === 'not_found') return failure('not_found', `There is no user ${publicId}.`);
        if (switched === 'unchanged') return failure('refused', `The user ${publicId} is already disabled.`);
        return done({ user_id: publicId, disabled: true }, `The user ${publicId} is disabled.`);
      }),
    );

  user
    .command('enable')
    .description('let a disabled user in again, with those of its access tokens that have not expired')
    .argument('<user_id>')
    .action((publicId: string) =>
      cli.run(async ({ database, by }) => {
        const switched = await enableUser({ database }, { publicId, by });
        if (switched === 'not_found') return failure('not_found', `There is no user ${publicId}.`);
        if (switched === 'unchanged') return failure('refused', `The user ${publicId} is not disabled.`);
        return done({ user_id: publicId, disabled: false }, `The user ${publicId} is enabled.`);
      }),
    );
};
