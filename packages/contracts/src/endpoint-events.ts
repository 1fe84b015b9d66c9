import { type Static, type TSchema, type TUnsafe, Type } from '@sinclair/typebox';
import { nullable, onlyText } from './replies.ts';

/** Reasons for which an endpoint is disabled. The last two are decisions of a person. */
export const DISABLED_CODES = {
  gone: 'It answered 410 Gone.',
  failing: 'For five days nothing but failures came back.',
  address_refused: 'Its address is not one that webhooks may go to.',
  by_client: 'You disabled it.',
  by_operator: 'The operator of this service disabled it.',
} as const;

export type DisabledCode = keyof typeof DISABLED_CODES;

/** Reasons for which this service disables an endpoint by itself; each makes an `endpoint.disabled` event. */
export type AutomaticDisabledCode = Exclude<DisabledCode, 'by_client' | 'by_operator'>;

const AUTOMATIC: AutomaticDisabledCode[] = ['gone', 'failing', 'address_refused'];

/** A text of the envelope that this kind of event does not have. */
const alwaysNull = (description: string) => nullable(Type.String({ description })) as TUnsafe<null>;

/** The published envelope for an event that concerns a client and none of its payments. */
function envelope<T extends string, D extends TSchema>(type: T, data: D, $id: string, description: string) {
  return Type.Object(
    {
      id: Type.String({
        pattern: '^evt_[0-9A-Za-z]{24}$',
        description: 'Id of the event; also in the header `webhook-id`.',
      }),
      access_token_reference_id: alwaysNull('Always null: it concerns no user.'),
      object: onlyText('event'),
      created: Type.String({
        format: 'date-time',
        description: 'When the event happened, in UTC and whole seconds.',
      }),
      type: onlyText(type),
      job_id: alwaysNull('Always null: it concerns no job.'),
      data,
    },
    {
      $id,
      additionalProperties: true,
      description: `${description} Further fields may be added: ignore those that you do not know.`,
    },
  );
}

const EndpointId = Type.String({
  description: 'The webhook endpoint.',
  examples: ['we_1J9X2q2eZvKYlo2CluR9g9gV'],
});

export const EndpointDisabledEventSchema = envelope(
  'endpoint.disabled',
  Type.Object(
    {
      endpoint_id: EndpointId,
      code: Type.Unsafe<AutomaticDisabledCode>({
        type: 'string',
        description: `Why, for programs: ${AUTOMATIC.join(', ')}. New codes may be added.`,
      }),
      reason: Type.String({ description: 'Why, in words for a person.' }),
    },
    {
      title: 'DisabledEndpoint',
      additionalProperties: true,
      description: 'The endpoint that was disabled.',
    },
  ),
  'EndpointDisabledEvent',
  'A webhook endpoint of yours was disabled and gets no events until you enable it. This event goes to your other ' +
    'endpoints and is in `GET /v1/events`.',
);

export const WebhookTestEventSchema = envelope(
  'webhook.test',
  Type.Object(
    { endpoint_id: EndpointId },
    { title: 'TestedEndpoint', additionalProperties: true, description: 'The endpoint that is tested.' },
  ),
  'WebhookTestEvent',
  'Sent by `POST /v1/webhooks/{id}/test`. It is not stored.',
);

export type EndpointDisabledEvent = Static<typeof EndpointDisabledEventSchema>;
export type WebhookTestEvent = Static<typeof WebhookTestEventSchema>;

type EndpointEventInput = { eventId: string; created: Date; endpointId: string };

function head<T extends string>(type: T, { eventId, created }: EndpointEventInput) {
  return {
    id: eventId,
    access_token_reference_id: null,
    object: 'event' as const,
    created: `${created.toISOString().slice(0, 19)}Z`,
    type,
    job_id: null,
  };
}

/** Makes the event of an endpoint that was disabled because of its answers. */
export function endpointDisabledEvent(
  input: EndpointEventInput & { code: AutomaticDisabledCode; reason: string },
): EndpointDisabledEvent {
  const { endpointId, code, reason } = input;
  return { ...head('endpoint.disabled', input), data: { endpoint_id: endpointId, code, reason } };
}

/** Makes the event by which a client tests its own endpoint. */
export function webhookTestEvent(input: EndpointEventInput): WebhookTestEvent {
  return { ...head('webhook.test', input), data: { endpoint_id: input.endpointId } };
}
