import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FhirConnection } from '../../fhir/connection.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import { readFhirConnection } from './settings.ts';

/** An answer with a status other than 200. */
export class Answered {
  readonly status: number;
  readonly body: unknown;
  constructor(status: number, body: unknown = '') {
    this.status = status;
    this.body = body;
  }
}

export type AnsweringServer = {
  /** By path below the base and decoded query, without the page size of a search for a payment. May be added to. */
  answers: Record<string, unknown>;
  asked: { path: string; headers: IncomingHttpHeaders }[];
  origin: string;
  connection: FhirConnection;
  close(): void;
};

/** A FHIR server with the answers that the test gives it; anything else is 404. */
export async function openAnsweringServer(
  answers: Record<string, unknown>,
  settings: Record<string, unknown> = {},
): Promise<AnsweringServer> {
  const asked: AnsweringServer['asked'] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '').replace(/^\/fhir\/?/, '')).replace(
      /&_count=\d+$/,
      '',
    );
    asked.push({ path, headers: request.headers });
    const answer = answers[path];
    const { status, body } =
      answer instanceof Answered ? answer : { status: answer === undefined ? 404 : 200, body: answer ?? {} };
    response.writeHead(status, { 'content-type': 'application/fhir+json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const connection = readFhirConnection(
    {
      userId: 1,
      adapter: 'fhir-r5',
      baseUrl: `${origin}/fhir`,
      credentials: { bearer_token: 'sesame' },
      settings,
      timeZone: 'UTC',
    },
    localAdapterDeps(),
  );
  return {
    asked,
    answers,
    origin,
    connection,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
