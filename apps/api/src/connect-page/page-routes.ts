import type { FastifyPluginAsync } from 'fastify';
import { sessionCookie } from './browser.ts';
import { callbackRoute } from './callback-route.ts';
import { pageApi } from './page-api.ts';
import type { ConnectPageDeps } from './page-deps.ts';
import { pageFiles } from './page-files.ts';
import { openVisitors } from './visitors.ts';

/** The connect page: what a person of a practice opens with a link of `POST /v1/connect-sessions`. The routes are for browsers only. */
export const connectPageRoutes: FastifyPluginAsync<ConnectPageDeps> = async (app, deps) => {
  const cookie = sessionCookie(deps.publicUrl);
  const visitors = openVisitors(deps, cookie);
  pageFiles(app);
  callbackRoute(app, { ...deps, visitors });
  await app.register(async (scope) => pageApi(scope, { ...deps, visitors, cookie }));
};
