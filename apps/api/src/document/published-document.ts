import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { sendFile } from './send-file.ts';

/** The file that `pnpm --filter @emr-payments/api openapi` writes. */
const DOCUMENT = fileURLToPath(new URL('../../../../docs/openapi.json', import.meta.url));

/** `GET /openapi.json`: the published document. */
export async function publishedDocument(app: FastifyInstance): Promise<void> {
  app.get('/openapi.json', { schema: { hide: true }, config: { quiet: true } }, (_request, reply) =>
    sendFile(reply, { path: DOCUMENT, type: 'application/json; charset=utf-8' }),
  );
}
