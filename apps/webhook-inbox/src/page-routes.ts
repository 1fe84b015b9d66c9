import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';

const FILES = [
  { path: '/', file: 'index.html', type: 'text/html; charset=utf-8' },
  { path: '/inbox.css', file: 'inbox.css', type: 'text/css; charset=utf-8' },
  { path: '/inbox.js', file: 'inbox.js', type: 'text/javascript; charset=utf-8' },
];

// The page shows what strangers sent. Even if a message were taken for markup, the browser would run and load nothing.
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:";

/** Serves the page at `/` and its two files. They are read once, at the start. */
export async function pageRoutes(server: FastifyInstance): Promise<void> {
  for (const { path, file, type } of FILES) {
    const content = readFileSync(new URL(`./page/${file}`, import.meta.url));
    server.get(path, (_request, reply) =>
      reply
        .type(type)
        .header('content-security-policy', POLICY)
        .header('x-content-type-options', 'nosniff')
        .header('cache-control', 'no-cache')
        .send(content),
    );
  }
}
