import { createReadStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { sendFile } from '../document/send-file.ts';

const FOLDER = join(import.meta.dirname, 'page');

/** The page loads its own files and talks to its own origin; it is in no frame, and makes no script of a text. */
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

const TYPES = { css: 'text/css; charset=utf-8', js: 'application/javascript; charset=utf-8' } as const;

/** Lists the style and the modules of the page. */
const staticFiles = (): { name: string; type: string }[] =>
  readdirSync(FOLDER).flatMap((name) => {
    const type = name.endsWith('.js') ? TYPES.js : name.endsWith('.css') ? TYPES.css : null;
    return type === null ? [] : [{ name, type }];
  });

/** Serves the connect page, its style and its modules. They are the same for everybody: what a session may see comes from `pageApi`. */
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
  // Not kept by browsers: a module of the version before beside one of this version could be a page that does nothing.
  for (const { name, type } of staticFiles())
    app.get(`/connect/static/${name}`, { schema }, (_request, reply) =>
      sendFile(reply, { path: join(FOLDER, name), type, cache: 'no-cache' }),
    );
}
