import { Type } from '@sinclair/typebox';
import { listOf, replyOf } from '../replies.ts';
import { WebhookEndpointSchema } from '../webhook-endpoints.ts';
import { AT, endpointId, listExample, refTo, replyExample, withExample } from './parts.ts';

export const OperatorEndpointListSchema = withExample(
  listOf('OperatorEndpointList', refTo(WebhookEndpointSchema), 'Webhook endpoints of a client, newest first'),
  listExample('Webhook endpoints.', {
    id: 'we_1J9X2q2eZvKYlo2CluR9g9gV',
    url: 'https://hooks.example.com/emr-payments',
    description: 'Production',
    event_types: ['payment.created'],
    api_version: '2026-06-01',
    thin: false,
    signing: 'v1',
    rate_per_second: null,
    enabled: true,
    disabled_at: null,
    disabled_code: null,
    disabled_reason: null,
    failing_since: null,
    paused_until: null,
    created_at: AT,
  }),
);

export const SwitchedEndpointReplySchema = withExample(
  replyOf(
    'OperatorEndpointSwitched',
    Type.Object(
      { endpoint_id: endpointId, enabled: Type.Boolean({ description: 'false: nothing is sent to it.' }) },
      { title: 'SwitchedEndpoint', description: 'The state of a webhook endpoint after it was switched.' },
    ),
    'The state of the endpoint now',
  ),
  replyExample('Webhook endpoint disabled.', { endpoint_id: 'we_1J9X2q2eZvKYlo2CluR9g9gV', enabled: false }),
);
