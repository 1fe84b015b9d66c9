import type { Switched } from '@emr-payments/db';
import { disableEndpoint, enableEndpoint, findListedClient, listEndpoints } from '@emr-payments/operations';
import type { Register } from '../cli.ts';
import { done, failure, type Outcome } from '../outcome.ts';
import { table } from '../output/table.ts';

function outcomeOf(
  switched: Switched,
  { endpointId, state }: { endpointId: string; state: 'enabled' | 'disabled' },
): Outcome {
  if (switched === 'not_found') return failure('not_found', `There is no webhook endpoint ${endpointId}.`);
  if (switched === 'unchanged') {
    return failure('refused', `The webhook endpoint ${endpointId} is already ${state}.`);
  }
  return done(
    { endpoint_id: endpointId, enabled: state === 'enabled' },
    `The webhook endpoint ${endpointId} is ${state}.`,
  );
}

/** Webhook endpoints. Clients register them over the API; an operator lists them and switches them on and off. */
export const registerWebhook: Register = (program, cli) => {
  const webhook = program.command('webhook').description('webhook endpoints of clients');

  webhook
    .command('list')
    .description('list all endpoints, or those of one client')
    .option('--client <client_id>', 'only those of this client')
    .action(({ client }: { client?: string }) =>
      cli.run(async ({ database }) => {
        if (client !== undefined && (await findListedClient({ database }, { clientId: client })) === null)
          return failure('not_found', `There is no client ${client}.`);
        const endpoints = await listEndpoints({ database }, { clientId: client });
        return done(
          {
            endpoints: endpoints.map((one) => ({
              endpoint_id: one.endpointId,
              client_id: one.clientId,
              url: one.url,
              event_types: one.eventTypes,
              at_once: one.atOnce,
              created_at: one.createdAt,
              disabled_at: one.disabledAt,
              disabled_reason: one.disabledReason,
              failing_since: one.failingSince,
            })),
          },
          table(
            ['ENDPOINT_ID', 'CLIENT_ID', 'URL', 'EVENTS', 'AT ONCE', 'FAILING SINCE', 'DISABLED', 'REASON'],
            endpoints.map((one) => [
              one.endpointId,
              one.clientId,
              one.url,
              one.eventTypes.length === 0 ? 'all' : one.eventTypes.join(','),
              one.atOnce,
              one.failingSince,
              one.disabledAt,
              one.disabledReason,
            ]),
          ),
        );
      }),
    );

  webhook
    .command('enable')
    .description('send new events to an endpoint again (earlier ones: event redeliver)')
    .argument('<endpoint_id>')
    .action((endpointId: string) =>
      cli.run(async ({ database, by }) => {
        const switched = await enableEndpoint({ database }, { endpointId, by });
        if (switched.outcome === 'exists') {
          return failure(
            'refused',
            `The enabled webhook endpoint ${switched.otherId} of the same client has this URL already: ` +
              `disable it first, or leave ${endpointId} disabled.`,
          );
        }
        return outcomeOf(switched.outcome, { endpointId, state: 'enabled' });
      }),
    );

  webhook
    .command('disable')
    .description('stop sending events to an endpoint')
    .argument('<endpoint_id>')
    .action((endpointId: string) =>
      cli.run(async ({ database, by }) => {
        const switched = await disableEndpoint({ database }, { endpointId, by });
        return outcomeOf(switched, { endpointId, state: 'disabled' });
      }),
    );
};
