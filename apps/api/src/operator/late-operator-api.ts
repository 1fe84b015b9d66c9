import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { ERRORS, errorReply, HEADERS } from '@emr-payments/contracts';
import type { FastifyInstance } from 'fastify';
import type { OperatorListener } from '../http/operator-listener.ts';
import { SECURITY_HEADERS } from '../security-headers.ts';
import type { OperatorAppDeps, OperatorAppOptions } from './build-operator-app.ts';

const load = () => import('./build-operator-app.ts');

export type LateOperatorApi = {
  listener: OperatorListener;
  close(): Promise<void>;
};

/**
 * Opens the operator's API at its first request: an app of its own behind the server of the API, with connections to PostgreSQL of its
 * own. Until then none of its modules is loaded (its routes, Prisma, the dialects), so that the API of an installation that never uses
 * it is as small as without it.
 *
 * @param deps.onFault gets the reason why it cannot be opened. The next request tries again.
 */
export function openLateOperatorApi(
  deps: OperatorAppDeps & { onFault: (error: unknown) => void },
  options: OperatorAppOptions,
  loaded: typeof load = load,
): LateOperatorApi {
  async function open(): Promise<FastifyInstance> {
    const { buildOperatorApp } = await loaded();
    const app = await buildOperatorApp(deps, options);
    await app.ready();
    return app;
  }
  let opening: Promise<FastifyInstance> | undefined;
  return {
    listener(request, response) {
      opening ??= open().catch((error: unknown) => {
        opening = undefined;
        throw error;
      });
      opening.then(
        (app) => app.routing(request, response),
        (error: unknown) => {
          deps.onFault(error);
          answerUnavailable(response);
        },
      );
    },
    close: async () => (await opening?.catch(() => undefined))?.close(),
  };
}

/** There is no app that could answer. */
function answerUnavailable(response: ServerResponse): void {
  const requestId = randomUUID();
  response.writeHead(ERRORS.service_unavailable.status, {
    ...SECURITY_HEADERS,
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    'retry-after': '2',
    [HEADERS.requestId]: requestId,
    connection: 'close',
  });
  response.end(JSON.stringify(errorReply('service_unavailable', { requestId, repeatable: true })));
}
