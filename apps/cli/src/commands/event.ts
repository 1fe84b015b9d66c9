import { redeliverEvent } from '@emr-payments/db';
import type { Register } from '../cli.ts';
import { done, failure } from '../outcome.ts';

/** What clients are told. */
export const registerEvent: Register = (program, cli) => {
  program
    .command('event')
    .description('events and their deliveries')
    .command('redeliver')
    .description('send an event again, byte for byte, to every enabled endpoint that wants it')
    .argument('<event_id>')
    .option('--endpoint <endpoint_id>', 'only to this one')
    .action((eventId: string, { endpoint }: { endpoint?: string }) =>
      cli.run(async ({ database, by }) => {
        const input = { eventId, clientPk: null, endpointId: endpoint ?? null, by };
        const redelivered = await redeliverEvent({ database }, input);
        if (redelivered.outcome === 'not_found') return failure('not_found', `There is no event ${eventId}.`);
        if (redelivered.outcome === 'nothing_to_do') {
          return failure(
            'refused',
            'The event is on its way already, or no enabled endpoint is there for it.',
          );
        }
        const { endpointIds } = redelivered;
        return done(
          { event_id: eventId, endpoint_ids: endpointIds },
          `The event goes again to: ${endpointIds.join(', ')}`,
        );
      }),
    );
};
