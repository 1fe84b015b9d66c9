import type { FastifyInstance } from 'fastify';

/** How the audit log learns of the requests of a route. */
export type RouteAudit =
  /** The change and its entry are written in one transaction, by the handler's statements. */
  | { entry: string }
  /** Its answers are counted by minute (`countAnswer`). */
  | { counted: string }
  /** The handler counts by itself, because not every answer means the same. */
  | { counts: readonly string[] }
  /** It changes nothing and shows nothing of a patient. */
  | { none: string };

/**
 * Every route under `/v1`, and how it is audited. The API does not start with a route that is missing here, so none can be
 * forgotten. Payments, events, deliveries and reconciliations show data of patients: MRNs, amounts, notes, receivers' words.
 */
export const AUDITED_ROUTES: Readonly<Record<string, RouteAudit>> = {
  'POST /v1/payments': { counts: ['payment.create', 'payment.dry_run', 'patients.find'] },
  'GET /v1/payments': { counted: 'payment.list' },
  'GET /v1/payments/:id': { counted: 'payment.read' },
  'POST /v1/payments/:id/retry': { entry: 'payment.retry' },
  'POST /v1/payments/:id/resolve': { entry: 'payment.resolve' },
  'GET /v1/patients': { counted: 'patients.read' },
  'PUT /v1/patients/:mrn': { entry: 'patients.put' },
  'POST /v1/patients::import': { entry: 'patients.import' },
  'GET /v1/jobs/:job_id': { counted: 'job.read' },
  'GET /v1/reconciliation': { counted: 'reconciliation.read' },
  'GET /v1/connection': { none: 'the names of payment methods and locations' },
  'GET /v1/payment-methods': { none: 'the names of payment methods' },
  'GET /v1/locations': { none: 'the names of locations' },
  'POST /v1/sync': { entry: 'sync.start' },
  'POST /v1/webhooks': { entry: 'endpoint.create' },
  'GET /v1/webhooks': { none: 'settings of the client itself' },
  'GET /v1/webhooks/:id': { none: 'settings of the client itself' },
  'PATCH /v1/webhooks/:id': { entry: 'endpoint.change' },
  'DELETE /v1/webhooks/:id': { entry: 'endpoint.delete' },
  'POST /v1/webhooks/:id/rotate-secret': { entry: 'endpoint.rotate_secret' },
  'POST /v1/webhooks/:id/test': { counted: 'endpoint.test' },
  'GET /v1/webhooks/:id/deliveries': { counted: 'delivery.list' },
  'POST /v1/webhooks/:id/recover': { entry: 'endpoint.recover' },
  'GET /v1/webhooks/:id/recoveries/:recovery_id': { none: 'numbers of deliveries' },
  'POST /v1/connect-sessions': { entry: 'connect_session.create' },
  'GET /v1/connect-sessions/:id': { none: 'the state of a session of the client itself' },
  'POST /v1/connect-sessions/:id/token': { entry: 'connect_session.token' },
  'POST /v1/emr-notices/:secret': { none: 'a look-up comes sooner that the service makes anyway' },
  'GET /v1/events': { counted: 'event.list' },
  'GET /v1/events/:id': { counted: 'event.read' },
  'POST /v1/events/:id/redeliver': { entry: 'event.redeliver' },
};

/** Names a route as `AUDITED_ROUTES` does. HEAD shows what GET shows, in its headers at least. */
export function auditOf(method: string, url: string | undefined): RouteAudit | undefined {
  return AUDITED_ROUTES[`${method === 'HEAD' ? 'GET' : method} ${url}`];
}

/**
 * Collects the routes that are registered from now on. The returned function is called when all are.
 *
 * @throws Error from that function when a route below the path (`/v1` by default) has no entry in the list, or an entry has no route.
 */
export function demandAudit(
  app: FastifyInstance,
  { below, listed, file }: { below: string; listed: Readonly<Record<string, RouteAudit>>; file: string } = {
    below: '/v1/',
    listed: AUDITED_ROUTES,
    file: 'apps/api/src/audit/audited-routes.ts',
  },
): () => void {
  const routes = new Set<string>();
  app.addHook('onRoute', ({ method, url }) => {
    if (!url.startsWith(below)) return;
    for (const each of [method].flat()) if (each !== 'HEAD') routes.add(`${each} ${url}`);
  });
  return () => {
    const forgotten = [...routes].filter((route) => listed[route] === undefined);
    const gone = Object.keys(listed).filter((route) => !routes.has(route));
    if (forgotten.length + gone.length === 0) return;
    throw new Error(
      `${file} must list exactly the routes under ${below.slice(0, -1)}; missing: ${forgotten.join(', ') || 'none'}; ` +
        `without a route: ${gone.join(', ') || 'none'}`,
    );
  };
}
