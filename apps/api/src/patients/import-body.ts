import type { IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { errorCodes } from 'fastify';
import { CSV } from './operations.ts';

/** The work on a part includes waiting for the database, during which the process is free. */
const LONGEST_REST_MS = 20;

type Done = (error: Error | null, body?: unknown) => void;

/** A file that is larger than it may be. */
export class FileTooLargeError extends Error {
  override name = 'FileTooLargeError';
}

/**
 * Lets the routes of one plugin take files and nothing else. The body is left in the request: it is read as it arrives, so that a file
 * is never whole in memory.
 */
export function onlyCsvBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(CSV, (request: FastifyRequest, _stream: unknown, done: Done) => {
    if (request.headers['content-encoding'] !== undefined)
      done(new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE());
    else done(null, '');
  });
  app.addContentTypeParser('*', (request: FastifyRequest, _stream: unknown, done: Done) => {
    const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
    if (coding === undefined && (length === undefined || Number(length) === 0)) done(null, undefined);
    else done(new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE());
  });
}

/**
 * Yields a request's body as it arrives. After each part it rests for a moment, as long as the work on that part
 * took, so that requests of others have their turn. What is left of it when the reader gives up is read and thrown away, so that the caller, who is
 * still sending, gets the answer; the time for a request bounds that.
 *
 * @throws FileTooLargeError when it is larger.
 */
export async function* bodyBytes(
  request: IncomingMessage,
  { mostBytes }: { mostBytes: number },
): AsyncGenerator<Buffer> {
  try {
    // Ending the iteration must not close the connection.
    let bytes = 0;
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > mostBytes) throw new FileTooLargeError(`more than ${mostBytes} bytes`);
      const begunAt = performance.now();
      yield chunk;
      await pause(Math.min(performance.now() - begunAt, LONGEST_REST_MS));
    }
  } finally {
    request.resume();
  }
}
