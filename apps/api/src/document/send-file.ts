import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/**
 * Answers with a file of ours, read for each request, so that no copy of it stays in memory. By default browsers keep it for a minute. To
 * HEAD nothing is read: Fastify would read the file at full speed to throw it away, and 200 such requests leave a process 100 MB larger.
 */
export async function sendFile(
  reply: FastifyReply,
  { path, type, cache = 'public, max-age=60' }: { path: string; type: string; cache?: string },
) {
  const { size } = await stat(path);
  reply.header('cache-control', cache).header('content-length', size).type(type);
  // An empty stream, because Fastify puts the length of any other empty body into the answer.
  return reply.send(reply.request.method === 'HEAD' ? Readable.from([]) : createReadStream(path));
}
