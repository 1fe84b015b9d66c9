import { redeliverEvent } from '@emr-payments/operations';
import type { Register } from '../cli.ts';
import { done, failure } from '../outcome.ts';

/** Events, and their deliveries to the endpoints of clients. */
export const registerEvent: Register = (program, cli) => {
  program
    .command('event')
    .description('events and their deliveries')
    .command('redeliver')
    .description('send an event again, byte for byte, to every enabled endpoint that subscribes to its type')
    .argument('<event_id>')
    .option('--endpoint <endpoint_id>', 'send it to this endpoint only')
    .action((eventId: string, { endpoint }: { endpoint?: string }) =>
      cli.run(async ({ database, by }) => {
        const input = { eventId, clientPk: null, endpointId: endpoint ?? null, by };
        const redelivered = await redeliverEvent({ database }, input);
        if (redelivered.outcome === 'not_found') return failure('not_found', `There is no event ${eventId}.`);
        if (redelivered.outcome === 'endpoint_not_found')
          return failure(
            'not_found',
            `There is no webhook endpoint ${endpoint}, or it belongs to another client than the event.`,
          );
        if (redelivered.outcome === 'endpoint_disabled')
          return failure('refused', `The webhook endpoint ${endpoint} is disabled. Enable it first.`);
        if (redelivered.outcome === 'pending') {
          const where = redelivered.endpointIds.join(', ');
          return failure('refused', `The event already waits for its next attempt, at ${where}.`);
        }
        if (redelivered.outcome === 'no_endpoint') {
          return failure(
            'refused',
            "No enabled endpoint of the event's client subscribes to its type. Name one with --endpoint to send it there all the same.",
          );
        }
        const { endpointIds } = redelivered;
        return done(
          { event_id: eventId, endpoint_ids: endpointIds },
          `The event is sent again to: ${endpointIds.join(', ')}`,
        );
      }),
    );
};
