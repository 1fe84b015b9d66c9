import { type Api, bodyOf, type CallOptions, keyed, stoppable, type WriteOptions } from './api.ts';
import { type Listing, listing } from './listing.ts';
import type {
  CreateWebhookEndpoint,
  ListDeliveries,
  ListWebhooks,
  RecoverWebhook,
  RotateWebhookSecret,
  UpdateWebhookEndpoint,
  WebhookDelivery,
  WebhookEndpoint,
  WebhookEndpointCreated,
  WebhookEndpointDeleted,
  WebhookEndpointUpdated,
  WebhookRecovery,
  WebhookSecretRotated,
  WebhookTestResult,
} from './schemas.ts';

/** `/v1/webhooks`: the endpoints that receive events. They belong to the client, whichever user's token is sent. */
export function webhookMethods(api: Api) {
  return {
    /** Registers an endpoint. Only this answer contains its secret or public key. */
    async create(
      endpoint: CreateWebhookEndpoint,
      options: WriteOptions = {},
    ): Promise<WebhookEndpointCreated> {
      const params = { header: keyed(options) };
      return (await bodyOf(api.POST('/v1/webhooks', { params, body: endpoint, ...stoppable(options) }))).data;
    },

    list(query: ListWebhooks = {}, options: CallOptions = {}): Listing<WebhookEndpoint> {
      return listing((cursor) => {
        const params = { query: { ...query, ...(cursor === undefined ? {} : { cursor }) } };
        return bodyOf(api.GET('/v1/webhooks', { params, ...stoppable(options) }));
      }, query.cursor);
    },

    async get(endpointId: string, options: CallOptions = {}): Promise<WebhookEndpoint> {
      const params = { path: { id: endpointId } };
      return (await bodyOf(api.GET('/v1/webhooks/{id}', { params, ...stoppable(options) }))).data;
    },

    /** Changes the given fields and leaves the others. `enabled` enables or disables the endpoint. */
    async update(
      endpointId: string,
      change: UpdateWebhookEndpoint,
      options: WriteOptions = {},
    ): Promise<WebhookEndpointUpdated> {
      const params = { path: { id: endpointId }, header: keyed(options) };
      const call = api.PATCH('/v1/webhooks/{id}', { params, body: change, ...stoppable(options) });
      return (await bodyOf(call)).data;
    },

    async delete(endpointId: string, options: WriteOptions = {}): Promise<WebhookEndpointDeleted> {
      const params = { path: { id: endpointId }, header: keyed(options) };
      return (await bodyOf(api.DELETE('/v1/webhooks/{id}', { params, ...stoppable(options) }))).data;
    },

    /** Creates a new secret. The old one also signs for `overlap_seconds`, a day by default. */
    async rotateSecret(
      endpointId: string,
      rotation: RotateWebhookSecret = {},
      options: WriteOptions = {},
    ): Promise<WebhookSecretRotated> {
      const params = { path: { id: endpointId }, header: keyed(options) };
      const call = api.POST('/v1/webhooks/{id}/rotate-secret', {
        params,
        body: rotation,
        ...stoppable(options),
      });
      return (await bodyOf(call)).data;
    },

    /** Sends a test event now and returns the endpoint's answer. Takes no key, so it is not retried when no answer comes. */
    async test(endpointId: string, options: CallOptions = {}): Promise<WebhookTestResult> {
      const params = { path: { id: endpointId } };
      return (await bodyOf(api.POST('/v1/webhooks/{id}/test', { params, ...stoppable(options) }))).data;
    },

    deliveries(
      endpointId: string,
      query: ListDeliveries = {},
      options: CallOptions = {},
    ): Listing<WebhookDelivery> {
      return listing((cursor) => {
        const params = {
          path: { id: endpointId },
          query: { ...query, ...(cursor === undefined ? {} : { cursor }) },
        };
        return bodyOf(api.GET('/v1/webhooks/{id}/deliveries', { params, ...stoppable(options) }));
      }, query.cursor);
    },

    /** Starts to send all events that the endpoint missed in a period, and returns at once; `recovery` reads the progress. */
    async recover(
      endpointId: string,
      period: RecoverWebhook,
      options: WriteOptions = {},
    ): Promise<WebhookRecovery> {
      const params = { path: { id: endpointId }, header: keyed(options) };
      const call = api.POST('/v1/webhooks/{id}/recover', { params, body: period, ...stoppable(options) });
      return (await bodyOf(call)).data;
    },

    /** Returns the progress of a recovery. Its `total` is null until all events of the period have been searched. */
    async recovery(
      ids: { endpointId: string; recoveryId: string },
      options: CallOptions = {},
    ): Promise<WebhookRecovery> {
      const params = { path: { id: ids.endpointId, recovery_id: ids.recoveryId } };
      const call = api.GET('/v1/webhooks/{id}/recoveries/{recovery_id}', { params, ...stoppable(options) });
      return (await bodyOf(call)).data;
    },
  };
}
