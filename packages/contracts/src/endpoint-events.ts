import { type Static, Type } from '@sinclair/typebox';
import { alwaysNull, envelope, eventHead, NO_JOB } from './event-envelope.ts';

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

const NO_USER = alwaysNull('Always null: it concerns no user.');

const EndpointId = Type.String({
  description: 'The webhook endpoint.',
  examples: ['we_1J9X2q2eZvKYlo2CluR9g9gV'],
});

export const EndpointDisabledEventSchema = envelope({
  type: 'endpoint.disabled',
  user: NO_USER,
  job: NO_JOB,
  data: Type.Object(
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
  $id: 'EndpointDisabledEvent',
  description:
    'A webhook endpoint of yours was disabled and gets no events until you enable it. This event goes to your other ' +
    'endpoints and is in `GET /v1/events`.',
});

export const WebhookTestEventSchema = envelope({
  type: 'webhook.test',
  user: NO_USER,
  job: NO_JOB,
  data: Type.Object(
    { endpoint_id: EndpointId },
    { title: 'TestedEndpoint', additionalProperties: true, description: 'The endpoint that is tested.' },
  ),
  $id: 'WebhookTestEvent',
  description: 'Sent by `POST /v1/webhooks/{id}/test`. It is not stored.',
});

export type EndpointDisabledEvent = Static<typeof EndpointDisabledEventSchema>;
export type WebhookTestEvent = Static<typeof WebhookTestEventSchema>;

type EndpointEventInput = { eventId: string; created: Date; endpointId: string };

function head<T extends string>(type: T, { eventId, created }: EndpointEventInput) {
  return eventHead({ eventId, created, type, user: null, job: null });
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
