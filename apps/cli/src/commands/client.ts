import { CLIENT_MODES, type ClientMode } from '@emr-payments/contracts';
import {
  createClient,
  disableClient,
  enableClient,
  listClients,
  rotateClientSecret,
} from '@emr-payments/operations';
import { Option } from 'commander';
import { durationOption, line } from '../arguments.ts';
import type { Register } from '../cli.ts';
import { done, failure } from '../outcome.ts';
import { pairs, table } from '../output/table.ts';
import { registerClientReturnUrl } from './client-return-url.ts';

const ONCE = 'The secret is shown only now: keep it.';

/** Clients (integrators) and their secrets. */
export const registerClient: Register = (program, cli) => {
  const client = program.command('client').description('clients (integrators) and their secrets');

  client
    .command('create')
    .description('make a client with one secret')
    .argument('<name>', 'its name, for people', line)
    .addOption(
      new Option(
        '--mode <mode>',
        'test: its users connect to sandboxes only, the hosts in SANDBOX_HOSTS; live: to none of them. It never changes',
      )
        .choices(CLIENT_MODES)
        .default('live'),
    )
    .action((name: string, { mode }: { mode: ClientMode }) =>
      cli.run(async ({ database, by }) => {
        const { clientId, clientSecret } = await createClient({ database }, { name, mode, by });
        return done(
          { client_id: clientId, client_secret: clientSecret, name, mode },
          `${pairs([
            ['client_id', clientId],
            ['client_secret', clientSecret],
          ])}\n${ONCE}`,
        );
      }),
    );

  client
    .command('list')
    .description('list all clients')
    .action(() =>
      cli.run(async ({ database }) => {
        const clients = await listClients({ database });
        return done(
          {
            clients: clients.map((one) => ({
              client_id: one.clientId,
              name: one.name,
              mode: one.mode,
              users: one.users,
              endpoints: one.endpoints,
              valid_secrets: one.validSecrets,
              created_at: one.createdAt,
              disabled_at: one.disabledAt,
            })),
          },
          table(
            ['CLIENT_ID', 'NAME', 'USERS', 'ENDPOINTS', 'SECRETS', 'CREATED', 'DISABLED', 'MODE'],
            clients.map((one) => [
              one.clientId,
              one.name,
              one.users,
              one.endpoints,
              one.validSecrets,
              one.createdAt,
              one.disabledAt,
              one.mode,
            ]),
          ),
        );
      }),
    );

  client
    .command('rotate-secret')
    .description('give a client another secret; the previous one stays valid for a while')
    .argument('<client_id>')
    .addOption(
      durationOption({
        flags: '--overlap <time>',
        description: 'how long the old secret stays valid',
        usual: '24h',
      }),
    )
    .action((clientId: string, { overlap }: { overlap: number }) =>
      cli.run(async ({ database, by }) => {
        const rotated = await rotateClientSecret({ database }, { clientId, overlapMs: overlap, by });
        if (rotated.outcome === 'not_found') return failure('not_found', `There is no client ${clientId}.`);
        if (rotated.outcome === 'disabled') {
          return failure('refused', `The client ${clientId} is disabled; it gets no new secret.`);
        }
        return done(
          { client_id: clientId, client_secret: rotated.secret, old_secret_valid_until: rotated.oldUntil },
          `${pairs([
            ['client_id', clientId],
            ['client_secret', rotated.secret],
            ['old secret until', rotated.oldUntil],
          ])}\n${ONCE}`,
        );
      }),
    );

  client
    .command('disable')
    .description('stop a client: its credentials and those of its users are refused within seconds')
    .argument('<client_id>')
    .action((clientId: string) =>
      cli.run(async ({ database, by }) => {
        const switched = await disableClient({ database }, { clientId, by });
        if (switched === 'not_found') return failure('not_found', `There is no client ${clientId}.`);
        if (switched === 'unchanged')
          return failure('refused', `The client ${clientId} is already disabled.`);
        return done({ client_id: clientId, disabled: true }, `The client ${clientId} is disabled.`);
      }),
    );

  client
    .command('enable')
    .description('let a disabled client in again, with those of its secrets and tokens that have not expired')
    .argument('<client_id>')
    .action((clientId: string) =>
      cli.run(async ({ database, by }) => {
        const switched = await enableClient({ database }, { clientId, by });
        if (switched === 'not_found') return failure('not_found', `There is no client ${clientId}.`);
        if (switched === 'unchanged') return failure('refused', `The client ${clientId} is not disabled.`);
        return done({ client_id: clientId, disabled: false }, `The client ${clientId} is enabled.`);
      }),
    );

  registerClientReturnUrl(client, cli);
};
