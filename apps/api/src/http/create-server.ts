import { createServer, type RequestListener, type Server } from 'node:http';
import { answerClientError, noteRequest, refuseConnection } from '../errors/client-error.ts';
import type { Limits } from '../limits.ts';

/** Methods that some path has: the `Allow` of an answer that concerns no path. */
const ALLOW = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

/**
 * Makes the HTTP server of the API, in which Node answers nothing by itself: its own answers (400 without `Host`, 417, a
 * connection that is closed at CONNECT) have no body, so that a program could not read a code from them. What can be
 * routed goes to Fastify, where `httpRules` refuses it; the rest is answered on the socket. Fastify makes one server for
 * each address that `HOST` names.
 */
export function createApiServer(limits: Limits, listener: RequestListener): Server {
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      requestTimeout: limits.requestMs,
      headersTimeout: limits.requestMs,
      keepAliveTimeout: limits.keepAliveMs,
      // The interval at which Node checks for late requests. Its default of 30 s would add up to 30 s to the bound.
      connectionsCheckingInterval: Math.ceil(limits.requestMs / 5),
      requireHostHeader: false,
    },
    listener,
  );
  server.on('request', noteRequest);
  server.on('checkExpectation', listener);
  server.on('connect', (_request, socket) => {
    refuseConnection(socket, 'method_not_allowed', { allow: ALLOW });
  });
  // Fastify adds the listener to the first server only.
  server.once('listening', () => {
    if (server.listenerCount('clientError') === 0) server.on('clientError', answerClientError);
  });
  return server;
}
