import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
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
export function createApiServer(limits: Limits, listen: RequestListener): Server {
  const listener = inTurn(listen);
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

/** The answer to the request that came last on a connection. */
const LAST_ANSWER = Symbol('last answer');

type Connection = Socket & { [LAST_ANSWER]?: ServerResponse };

/**
 * Calls a listener for the requests of one connection one after the other. Node calls it for each that has arrived, also before the
 * answer to the one before. That answer may end the connection, and then nothing after it may be processed (RFC 9112, section 9.6):
 * it would be stored without an answer, and its caller, who may send it again, could not know.
 */
function inTurn(listener: RequestListener): RequestListener {
  return (request, response) => {
    const connection = request.socket as Connection;
    const before = connection[LAST_ANSWER];
    connection[LAST_ANSWER] = response;
    const begin = () => {
      if (connection.writable) listener(request, response);
    };
    if (before === undefined || before.closed) begin();
    else before.once('close', begin);
  };
}
