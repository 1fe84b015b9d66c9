import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { sendFile } from '../document/send-file.ts';

const FOLDER = join(import.meta.dirname, 'page');

/** The page loads its own two files and talks to its own origin; it is in no frame, and makes no script of a text. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

/** Serves the connect page, its style and its script. They are the same for everybody: what a session may see comes from `pageApi`. */
export function pageFiles(app: FastifyInstance): void {
  const schema = { hide: true };
  app.get('/connect', { schema }, (_request, reply) =>
    reply
      .header('content-security-policy', POLICY)
      .header('cross-origin-opener-policy', 'same-origin')
      .header('cache-control', 'no-store')
      .type('text/html; charset=utf-8')
      .send(createReadStream(join(FOLDER, 'connect.html'))),
  );
  for (const [name, type] of [
    ['connect.css', 'text/css; charset=utf-8'],
    ['connect.js', 'application/javascript; charset=utf-8'],
  ] as const)
    app.get(`/connect/static/${name}`, { schema }, (_request, reply) =>
      sendFile(reply, { path: join(FOLDER, name), type }),
    );
}
