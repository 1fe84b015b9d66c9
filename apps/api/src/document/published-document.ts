import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { sendFile } from './send-file.ts';

/** The folder into which `pnpm --filter @emr-payments/api openapi` writes. */
const DOCS = new URL('../../../../docs/', import.meta.url);

/** `GET /openapi.json`: a published document. @param options.name of its file in docs/. */
export async function publishedDocument(
  app: FastifyInstance,
  { at, name }: { at: string; name: string },
): Promise<void> {
  const path = fileURLToPath(new URL(name, DOCS));
  app.get(at, { schema: { hide: true }, config: { quiet: true } }, (_request, reply) =>
    sendFile(reply, { path, type: 'application/json; charset=utf-8' }),
  );
}
