import type { RouteAudit } from '../audit/audited-routes.ts';

/**
 * Every route of the operator's API, and how it is audited. The app is not built with a route that is missing here. An operator is one
 * of few, so nothing is counted: each change, and each read of patients' data, has an entry of its own, written in the same commit or
 * before anything is shown.
 */
export const OPERATOR_ROUTES: Readonly<Record<string, RouteAudit>> = {
  'GET /operator/v1/clients': { none: 'names and numbers of clients' },
  'POST /operator/v1/clients': { entry: 'client.create' },
  'GET /operator/v1/clients/:client_id': { none: 'names and numbers of clients' },
  'POST /operator/v1/clients/:client_id/disable': { entry: 'client.disable' },
  'POST /operator/v1/clients/:client_id/enable': { entry: 'client.enable' },
  'POST /operator/v1/clients/:client_id/rotate-secret': { entry: 'client.rotate_secret' },
  'GET /operator/v1/clients/:client_id/webhooks': { none: 'settings of clients' },
  'GET /operator/v1/clients/:client_id/return-urls': { none: 'settings of clients' },
  'POST /operator/v1/clients/:client_id/return-urls': { entry: 'client.return_url_add' },
  'POST /operator/v1/clients/:client_id/return-urls/remove': { entry: 'client.return_url_remove' },
  'POST /operator/v1/webhooks/:endpoint_id/disable': { entry: 'endpoint.disable' },
  'POST /operator/v1/webhooks/:endpoint_id/enable': { entry: 'endpoint.enable' },
  'POST /operator/v1/events/:event_id/redeliver': { entry: 'event.redeliver' },
  'GET /operator/v1/users': { none: 'names of practices, and addresses of EMRs' },
  'POST /operator/v1/users': { entry: 'user.connect' },
  'GET /operator/v1/users/:user_id': { none: 'names of practices, and addresses of EMRs' },
  'POST /operator/v1/users/:user_id/disable': { entry: 'user.disable' },
  'POST /operator/v1/users/:user_id/enable': { entry: 'user.enable' },
  'POST /operator/v1/users/:user_id/rotate-token': { entry: 'user.rotate_token' },
  'POST /operator/v1/users/:user_id/notice-address': { entry: 'user.notice_address' },
  'GET /operator/v1/users/:user_id/connection': { none: 'settings of a connection, without credentials' },
  'PUT /operator/v1/users/:user_id/connection': { entry: 'user.connect' },
  'POST /operator/v1/users/:user_id/connection/check': {
    none: 'a trial that writes nothing in the EMR. A capability that it stores has an entry, user.read_capability',
  },
  'POST /operator/v1/users/:user_id/sync': { entry: 'sync.start' },
  'GET /operator/v1/oauth-apps': { none: 'settings of the service, without secrets' },
  'POST /operator/v1/oauth-apps': { entry: 'oauth_app.set' },
  'POST /operator/v1/oauth-apps/remove': { entry: 'oauth_app.remove' },
  'GET /operator/v1/holds': { none: 'numbers of payments' },
  'POST /operator/v1/holds': { entry: 'hold.on' },
  'GET /operator/v1/holds/:scope/in-flight': { none: 'ids of payments' },
  'POST /operator/v1/holds/:scope/end': { entry: 'hold.off' },
  'GET /operator/v1/worklist': { entry: 'payment.list' },
  'GET /operator/v1/payments/:payment_id': { entry: 'payment.read' },
  'POST /operator/v1/payments/:payment_id/retry': { entry: 'payment.retry' },
  'POST /operator/v1/payments/:payment_id/resolve': { entry: 'payment.resolve' },
  'GET /operator/v1/audit': { none: 'the audit log itself' },
  'GET /operator/v1/status': { none: 'checks of the service' },
};
