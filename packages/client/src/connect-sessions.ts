import { type Api, bodyOf, type CallOptions, keyed, stoppable, type WriteOptions } from './api.ts';
import type { ConnectedUser, ConnectLink, ConnectSession, CreateConnectSession } from './schemas.ts';

/** `/v1/connect-sessions`: links by which practices connect themselves. They belong to the client, whichever user's token is sent. */
export function connectSessionMethods(api: Api) {
  return {
    /** Makes a one-time link of 15 minutes. Only this answer contains it. */
    async create(session: CreateConnectSession, options: WriteOptions = {}): Promise<ConnectLink> {
      const params = { header: keyed(options) };
      const call = api.POST('/v1/connect-sessions', { params, body: session, ...stoppable(options) });
      return (await bodyOf(call)).data;
    },

    async get(sessionId: string, options: CallOptions = {}): Promise<ConnectSession> {
      const params = { path: { id: sessionId } };
      return (await bodyOf(api.GET('/v1/connect-sessions/{id}', { params, ...stoppable(options) }))).data;
    },

    /**
     * Fetches the access token of the user that the session has connected, once. Keep the key with the session: with the same
     * `idempotencyKey` a lost answer can be had again.
     */
    async token(sessionId: string, options: WriteOptions = {}): Promise<ConnectedUser> {
      const params = { path: { id: sessionId }, header: keyed(options) };
      const call = api.POST('/v1/connect-sessions/{id}/token', { params, ...stoppable(options) });
      return (await bodyOf(call)).data;
    },
  };
}
