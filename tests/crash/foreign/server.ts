import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createShape } from './create-shapes.ts';
import { type Chooser, LATER_WRITE_MS } from './draw.ts';
import { idOf } from './ids.ts';
import type { ForeignEntry, ForeignLedger, Json } from './ledger.ts';
import { LOCATION_LIST, METHOD_LIST } from './lists.ts';
import { type Reply, send } from './reply.ts';
import { READ_SHAPES, searchReply, secondPage } from './search-shapes.ts';

/**
 * How a practice of the foreign EMR treats `If-None-Exist`; it is the first part of the path. `honours`: a create whose key
 * exists makes no second entry, written or still to be written. `ignores`: the header has no effect.
 */
export type ForeignMode = 'honours' | 'ignores';

export type ForeignServer = { port: number; close(): Promise<void> };

type Deps = { ledger: ForeignLedger; chooser: Chooser };
type Call = { request: IncomingMessage; url: URL; baseUrl: string; mode: string; path: string };

const OTHERS = 2;

async function bodyOf(request: IncomingMessage): Promise<Json> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return JSON.parse(text) as Json;
}

/** The payment id in `identifier=system|id`. */
const idIn = (token: string) => token.slice(token.lastIndexOf('|') + 1);
const isVisible = (entry: ForeignEntry) => entry.visibleAt <= Date.now();
const withOtherAmount = (resource: Json): Json => ({ ...resource, amount: { value: 1, currency: 'USD' } });

/**
 * Opens the foreign EMR: a FHIR server that answers in the ways of servers that are not our sandbox. Everything that it wrote
 * and answered is in its ledger before the answer leaves.
 *
 * @param options.port 0 for any free one. @param options.timeoutMs the client's limit for one exchange.
 */
export async function openForeignEmr(
  { ledger, chooser }: Deps,
  { port, timeoutMs }: { port: number; timeoutMs: number },
): Promise<ForeignServer> {
  async function create({ request, baseUrl, mode }: Call): Promise<Reply> {
    const sent = await bodyOf(request);
    const paymentId = String((sent.identifier as { value: string }[])[0]?.value);
    const reference = String(sent.referenceNumber);
    const choice = chooser.create({ reference, nth: ledger.answered('create', reference) });
    const { shape: name, idForm, indexMs, hiddenSearches } = choice;
    const shape = createShape(name);
    const takenOnly = shape.takenOnly === true;
    ledger.record({ kind: 'create', shape: name, paymentId, reference, takenOnly });
    await choice.held;

    // From here to the reply nothing is awaited: the check of the key and the write are one step.
    const condition = request.headers['if-none-exist'];
    const existing =
      mode === 'honours' && condition !== undefined
        ? ledger.entriesOf(idIn(String(condition)))[0]
        : undefined;
    let entry = existing;
    if (existing === undefined && shape.writes !== 'never') {
      const id = idOf(idForm, ledger.entries.length + 1);
      const altered = shape.alters === true;
      const lateMs = indexMs + (shape.writes === 'later' ? LATER_WRITE_MS : 0);
      entry = {
        id,
        paymentId,
        reference,
        resource: { ...(altered ? withOtherAmount(sent) : sent), id },
        visibleAt: Date.now() + lateMs,
        hiddenSearches,
        altered,
      };
      ledger.add(entry);
    }
    const { id = '', resource = {} } = entry ?? {};
    return shape.answer({ id, resource, baseUrl, status: existing === undefined ? 201 : 200, timeoutMs });
  }

  function search({ request, url, baseUrl }: Call): Reply {
    const page = url.searchParams.get('_getpages');
    const paymentId = page ?? idIn(url.searchParams.get('identifier') ?? '');
    const ours = ledger.entriesOf(paymentId);
    const reference = ledger.referenceOf(paymentId);
    const asked = reference === null ? 0 : ledger.answered('search', reference);
    const indexed = ours.filter((entry) => isVisible(entry) && entry.hiddenSearches <= asked);
    const matches = indexed.map(({ resource }) => resource);
    const self = `${new URL(baseUrl).origin}${url.pathname}${url.search}`;
    if (page !== null) return secondPage({ matches, self });
    const latest = ledger.entries.slice(-2 * OTHERS);
    const others = latest.filter((entry) => entry.paymentId !== paymentId).slice(0, OTHERS);
    const context = {
      self,
      baseUrl,
      matches,
      others: others.map(({ resource }) => resource),
      paymentId,
      timeoutMs,
      noCache: request.headers['cache-control'] === 'no-cache',
    };
    // A payment that was never sent here: a check, or a search that shows the clock.
    if (reference === null) return searchReply('an honest Bundle', context);
    const name = chooser.search({ reference, nth: asked });
    ledger.record({ kind: 'search', shape: name, paymentId, reference, takenOnly: false });
    return searchReply(name, context);
  }

  function read(id: string): Reply {
    const entry = ledger.entries.find((each) => each.id === id && isVisible(each));
    if (entry === undefined) return { status: 404, body: '' };
    const { paymentId, reference } = entry;
    const name = chooser.read({ reference, nth: ledger.answered('read', reference) });
    ledger.record({ kind: 'read', shape: name, paymentId, reference, takenOnly: false });
    return READ_SHAPES[name](entry.resource);
  }

  async function answer(call: Call): Promise<Reply> {
    const [type = '', id] = call.path.split('/');
    if (type === 'ValueSet') return { status: 200, body: METHOD_LIST };
    if (type === 'Location') return { status: 200, body: LOCATION_LIST };
    if (type !== 'PaymentReconciliation' && type !== '') return { status: 404, body: '' };
    if (call.request.method === 'POST') return create(call);
    if (id !== undefined && id !== '') return read(decodeURIComponent(id));
    return search(call);
  }

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`);
    if (url.pathname === '/health/live') return void response.writeHead(200).end();
    const [, mode = '', , ...rest] = url.pathname.split('/');
    const call = { request, url, mode, path: rest.join('/'), baseUrl: `${url.origin}/${mode}/fhir` };
    answer(call).then(
      (reply) => send(response, reply),
      () => response.destroy(),
    );
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
