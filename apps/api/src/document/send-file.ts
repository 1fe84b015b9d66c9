import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { FastifyReply } from 'fastify';

/** Answers with a file of ours, read anew for each request, so that no copy of it stays in memory. Browsers keep it for a minute. */
export async function sendFile(reply: FastifyReply, { path, type }: { path: string; type: string }) {
  const { size } = await stat(path);
  reply.header('cache-control', 'public, max-age=60').header('content-length', size).type(type);
  return reply.send(createReadStream(path));
}
