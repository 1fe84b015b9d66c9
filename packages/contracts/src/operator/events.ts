import { Type } from '@sinclair/typebox';
import { replyOf } from '../replies.ts';
import { endpointId, nameOf, replyExample, withExample } from './parts.ts';

const EVENT = 'evt_1J9X2q2eZvKYlo2CluR9g9gV';
const ENDPOINT = 'we_1J9X2q2eZvKYlo2CluR9g9gV';

export const OperatorRedeliverBodySchema = Type.Object(
  {
    endpoint_id: Type.Optional(
      nameOf('Send it to this endpoint only; without it to every enabled one that wants its type.', [
        ENDPOINT,
      ]),
    ),
  },
  {
    $id: 'OperatorRedeliver',
    additionalProperties: false,
    description: 'Where the event is sent.',
    examples: [{ endpoint_id: ENDPOINT }],
  },
);
export const OperatorRedeliveredReplySchema = withExample(
  replyOf(
    'OperatorEventRedelivered',
    Type.Object(
      {
        event_id: Type.String({ description: 'Id of the event.', examples: [EVENT] }),
        endpoint_ids: Type.Array(endpointId, { description: 'The endpoints that it is sent to again.' }),
      },
      { title: 'RedeliveredEvent', description: 'An event that is sent again.' },
    ),
    'The event is sent again, byte for byte',
  ),
  replyExample('The event is sent again.', { event_id: EVENT, endpoint_ids: [ENDPOINT] }),
);
