import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Json = Record<string, unknown>;
export type ForeignAnswer = { status: number; headers?: Record<string, string>; body: unknown };

/** The ways in which the server differs from a plain one. Anything that is not given is as a careful server does it. */
export type ForeignWays = {
  /** The id of the nth entry, counted from 1. */
  idOf?: (number: number) => string;
  /** So many creates are carried out, and the connection is cut instead of an answer. */
  answersLost?: number;
  /** So many creates are carried out only when `writeLate` is called. Their connections are cut before that. */
  writtenLate?: number;
  /** The answer to a create. The plain one has a Location and no body. */
  created?: (plain: ForeignAnswer, entry: Json) => ForeignAnswer;
  /** The answer to a search for payments. The plain one is an honest Bundle with `total` and a self link. */
  search?: (plain: { status: number; body: Json }, all: readonly Json[]) => ForeignAnswer;
  /** The answer to a read of one entry. */
  read?: (plain: ForeignAnswer) => ForeignAnswer;
  /** The payment methods and locations of the practice. */
  methods?: readonly Json[];
  locations?: readonly Json[];
  /** True: `If-None-Exist` is honoured. */
  conditionalCreate?: boolean;
};

export type ForeignServer = {
  baseUrl: string;
  /** Everything that was created, oldest first. */
  entries: Json[];
  seen: { method: string; path: string; headers: IncomingHttpHeaders }[];
  /** The number of creates that arrived, those that created nothing included. */
  sends(): number;
  behave(ways: ForeignWays): void;
  /** Carries out the creates that the server took and did not finish. */
  writeLate(): void;
  close(): Promise<void>;
};

const searchset = (self: string, resources: readonly Json[]): Json => ({
  resourceType: 'Bundle',
  type: 'searchset',
  total: resources.length,
  link: [{ relation: 'self', url: self }],
  ...(resources.length === 0 ? {} : { entry: resources.map((resource) => ({ resource })) }),
});
const METHODS = {
  resourceType: 'ValueSet',
  expansion: { contains: [{ system: 'urn:emr-payments:payment-method', code: 'CARD', display: 'Card' }] },
};
const LOCATIONS = [
  { resourceType: 'Location', id: 'loc-main', name: 'Main Street', identifier: [{ value: '1404' }] },
];

async function jsonOf(request: IncomingMessage): Promise<Json> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return JSON.parse(text) as Json;
}

function reply(response: ServerResponse, { status, headers = {}, body }: ForeignAnswer): void {
  response.writeHead(status, { 'content-type': 'application/fhir+json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

const carries = (token: string) => (entry: Json) =>
  (entry.identifier as { system: string; value: string }[]).some(
    ({ system, value }) => `${system}|${value}` === token,
  );

/** A FHIR server that answers in the ways of servers that are not our sandbox, on a free loopback port. */
export async function openForeignServer(): Promise<ForeignServer> {
  let ways: ForeignWays = {};
  let lost = 0;
  let late = 0;
  const unwritten: Json[] = [];
  const entries: Json[] = [];
  const seen: ForeignServer['seen'] = [];
  let baseUrl = '';

  function found(entry: Json, status: number): ForeignAnswer {
    const location = `${baseUrl}/PaymentReconciliation/${encodeURIComponent(String(entry.id).toWellFormed())}/_history/1`;
    return { status, headers: { location }, body: '' };
  }

  async function create(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const resource = await jsonOf(request);
    const condition = String(request.headers['if-none-exist'] ?? '').replace(/^identifier=/, '');
    const existing = ways.conditionalCreate ? entries.find(carries(condition)) : undefined;
    const entry = existing ?? {
      ...resource,
      id: ways.idOf?.(entries.length + 1) ?? String(entries.length + 1),
    };
    if (existing === undefined && late > 0) {
      late -= 1;
      unwritten.push(entry);
      response.socket?.destroy();
      return;
    }
    if (existing === undefined) entries.push(entry);
    if (lost > 0) {
      lost -= 1;
      response.socket?.destroy();
      return;
    }
    const plain = found(entry, existing === undefined ? 201 : 200);
    reply(response, ways.created?.(plain, entry) ?? plain);
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://foreign.test');
    seen.push({ method: request.method ?? '', path: url.pathname, headers: request.headers });
    const [type = '', id] = url.pathname.replace(/^\/fhir\/?/, '').split('/');
    if (request.method === 'POST') return void create(request, response);
    if (type === 'ValueSet') {
      const { methods } = ways;
      const listed = methods === undefined ? METHODS : { ...METHODS, expansion: { contains: methods } };
      return reply(response, { status: 200, body: listed });
    }
    if (type === 'Location') {
      return reply(response, { status: 200, body: searchset(url.href, ways.locations ?? LOCATIONS) });
    }
    if (id !== undefined) {
      const entry = entries.find((each) => each.id === decodeURIComponent(id));
      const plain = { status: entry === undefined ? 404 : 200, body: entry ?? {} };
      return reply(response, ways.read?.(plain) ?? plain);
    }
    const matches = entries.filter(carries(url.searchParams.get('identifier') ?? ''));
    const plain = { status: 200, body: searchset(url.href, matches) };
    return reply(response, ways.search?.(plain, entries) ?? plain);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir`;

  return {
    baseUrl,
    entries,
    seen,
    sends: () => seen.filter(({ method }) => method === 'POST').length,
    behave(next) {
      ways = next;
      lost = next.answersLost ?? 0;
      late = next.writtenLate ?? 0;
    },
    writeLate: () => void entries.push(...unwritten.splice(0)),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
