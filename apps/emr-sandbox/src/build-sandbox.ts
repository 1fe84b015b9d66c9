import { createHash, timingSafeEqual } from 'node:crypto';
import type { Logger } from '@emr-payments/runtime';
import { type FastifyError, type FastifyInstance, fastify } from 'fastify';
import type { Capabilities, CapabilitySet } from './capabilities.ts';
import { capabilityRoutes } from './control/capability-routes.ts';
import { addFaultHooks } from './control/fault-hooks.ts';
import { faultRoutes } from './control/fault-routes.ts';
import { createFaultBook } from './control/faults.ts';
import { ledgerRoutes } from './control/ledger-routes.ts';
import { metadataRoutes } from './dialects/fhir-r5/metadata-routes.ts';
import { FhirProblem, operationOutcome } from './dialects/fhir-r5/operation-outcome.ts';
import { paymentRoutes } from './dialects/fhir-r5/payment-routes.ts';
import { practiceRoutes } from './dialects/fhir-r5/practice-routes.ts';
import { terminologyRoutes } from './dialects/fhir-r5/terminology-routes.ts';
import type { Ledger } from './ledger.ts';
import { pageRoutes } from './page/page-routes.ts';
import { loadPractice, type PracticeSeed } from './practice.ts';

export type SandboxOptions = {
  seed: PracticeSeed;
  /** The bearer token that FHIR requests must carry; undefined: none. */
  token?: string | undefined;
  capabilities: CapabilitySet;
};
type Deps = { ledger: Ledger; logger: Logger };

const hash = (text: string) => createHash('sha256').update(text).digest();

function requireToken(app: FastifyInstance, token: string): void {
  const wanted = hash(`Bearer ${token}`);
  app.addHook('onRequest', async (request, reply) => {
    if (request.url === '/fhir/metadata') return;
    if (timingSafeEqual(hash(request.headers.authorization ?? ''), wanted)) return;
    reply.header('www-authenticate', 'Bearer');
    throw new FhirProblem(401, 'login', 'A valid bearer token is needed.');
  });
}

function answerErrorsInFhir(app: FastifyInstance, logger: Logger): void {
  app.setErrorHandler((error: FhirProblem | FastifyError, _request, reply) => {
    if (error instanceof FhirProblem) {
      return reply.code(error.status).send(operationOutcome(error.issue, error.message, error.expression));
    }
    const status = error.statusCode ?? 500;
    if (status < 500) return reply.code(status).send(operationOutcome('structure', error.message));
    logger.error({ err: error }, 'request failed');
    return reply.code(500).send(operationOutcome('exception', 'The server could not do this.'));
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send(operationOutcome('not-supported', 'There is nothing of this kind here.')),
  );
}

/** The server, not listening yet. Closing it leaves the ledger open: whoever opened it closes it. */
export async function buildSandbox(
  { ledger, logger }: Deps,
  options: SandboxOptions,
): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    bodyLimit: 256 * 1024,
    requestTimeout: 30_000,
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true },
    ajv: { customOptions: { removeAdditional: false } },
  });
  const practice = loadPractice(options.seed, ledger.kept);
  const capabilities: Capabilities = { current: options.capabilities };
  const faults = createFaultBook();

  await app.register(
    async (fhir) => {
      fhir.removeAllContentTypeParsers();
      fhir.addContentTypeParser(
        ['application/fhir+json', 'application/json'],
        { parseAs: 'string' },
        fhir.getDefaultJsonParser('error', 'error'),
      );
      fhir.addHook('onSend', async (_request, reply) => {
        reply.type('application/fhir+json; charset=utf-8');
      });
      answerErrorsInFhir(fhir, logger);
      if (options.token !== undefined) requireToken(fhir, options.token);
      addFaultHooks(fhir, { faults });
      await metadataRoutes(fhir, { capabilities, since: new Date() });
      await practiceRoutes(fhir, { ledger, practice });
      await terminologyRoutes(fhir, { practice });
      await paymentRoutes(fhir, { ledger, practice, capabilities });
    },
    { prefix: '/fhir' },
  );
  await app.register(
    async (control) => {
      await capabilityRoutes(control, { capabilities });
      await faultRoutes(control, { faults });
      await ledgerRoutes(control, { ledger, practice });
    },
    { prefix: '/sandbox' },
  );
  app.get('/health/live', async () => ({ status: 'live' }));
  await pageRoutes(app, { ledger, practice });
  return app;
}
