import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** In every text of an answer: no text that we store, send, show or log may contain it. */
export const CANARY = 'CANARY';

export type Said = { status: number; body: string; headers?: Record<string, string> };

/** One practice's EMR: how it answers, where it does not answer as a careful server would. */
export type Complaint = {
  name: string;
  settings?: { conditional_create?: boolean; search?: boolean };
  /** The answer to a create, made from the posting that was sent. */
  post?: (posting: Record<string, unknown>) => Said;
  read?: Said;
  search?: Said;
  lists?: Said;
};

const person = (place: string) => `${CANARY} ${place}: Jane Doe, born 1970-01-01, SSN 078-05-1120`;

/** An error in FHIR's form, with a patient in every text of it, also where a code or a path belongs. */
const operationOutcome = JSON.stringify({
  resourceType: 'OperationOutcome',
  id: `${CANARY}-id`,
  text: { status: 'generated', div: `<div>${person('narrative')}</div>` },
  issue: [
    {
      severity: 'error',
      code: `${CANARY}-code`,
      details: { coding: [{ system: `urn:${CANARY}`, display: person('display') }], text: person('text') },
      diagnostics: person('diagnostics'),
      location: [`/f:${CANARY}`],
      expression: [`PaymentReconciliation.amount.where(${CANARY})`, `${CANARY}.expression`],
    },
    { severity: CANARY, code: 'value', diagnostics: person('second'), expression: [`${CANARY}.x`] },
  ],
});

/** The forms in which EMRs, gateways and proxies write an error. */
const BODIES: Readonly<Record<string, string>> = {
  OperationOutcome: operationOutcome,
  HTML: `<html><title>${person('title')}</title><body>${person('page')}</body></html>`,
  text: `${person('plain text')}\r\n\u0000 ${'x'.repeat(5000)}`,
  'other JSON': JSON.stringify({ error: person('error'), [`${CANARY}-member`]: [person('list')] }),
  'broken JSON': operationOutcome.slice(0, -9),
};

const STATUSES = [200, 201, 202, 302, 400, 401, 403, 404, 409, 412, 413, 422, 429, 500, 503];

const HEADERS: Readonly<Record<string, string>> = {
  location: `/fhir/Task/${CANARY}-location`,
  'content-location': `/fhir/Task/${CANARY}-content-location`,
  warning: `199 - "${person('warning')}"`,
  'retry-after': person('retry-after'),
  'www-authenticate': `Bearer error_description="${person('challenge')}"`,
  etag: `W/"${CANARY}-etag"`,
  age: `${CANARY}-age`,
  'x-request-id': `${CANARY}-request`,
  'set-cookie': `${CANARY}=1`,
  date: `${CANARY}-date`,
};

const NONE = { conditional_create: false, search: false };
const failing: Said = { status: 500, body: operationOutcome };

/** An entry with our id that is not the payment, and a patient's data in every other member. */
const otherEntry = (posting: Record<string, unknown>, id: string): string =>
  JSON.stringify({
    ...posting,
    id,
    amount: { value: 1, currency: 'USD' },
    referenceNumber: person('reference'),
    paymentIssuer: { reference: `Patient/${CANARY}`, display: person('issuer') },
    processNote: [{ text: person('note') }],
    method: { text: person('method') },
    date: `${CANARY}-day`,
  });

export const COMPLAINTS: readonly Complaint[] = [
  ...STATUSES.flatMap((status) =>
    Object.entries(BODIES).map(
      ([form, body]): Complaint => ({
        name: `${status} ${form}`,
        settings: NONE,
        post: () => ({ status, body }),
      }),
    ),
  ),
  {
    name: 'a list that cannot be read',
    settings: NONE,
    lists: { status: 403, body: operationOutcome },
  },
  {
    name: 'a list that is an OperationOutcome',
    settings: NONE,
    lists: { status: 200, body: operationOutcome },
  },
  {
    name: 'a look-up that fails',
    settings: { conditional_create: false },
    post: () => failing,
    search: failing,
  },
  {
    name: 'a look-up that answers with an OperationOutcome',
    settings: { conditional_create: false },
    post: () => failing,
    search: { status: 200, body: operationOutcome },
  },
  {
    name: 'a look-up that counts entries by a social security number',
    settings: { conditional_create: false },
    post: () => failing,
    search: {
      status: 200,
      body: JSON.stringify({ resourceType: 'Bundle', type: 'searchset', total: 78_051_120, id: CANARY }),
    },
  },
  {
    name: 'an entry that differs',
    settings: NONE,
    post: (posting) => ({ status: 200, body: otherEntry(posting, '7') }),
  },
  {
    name: 'an entry that differs, with a text for an id',
    settings: NONE,
    post: (posting) => ({ status: 200, body: otherEntry(posting, person('id')) }),
  },
  {
    name: 'an entry that cannot be read',
    post: () => ({ status: 200, body: '', headers: { location: '/fhir/PaymentReconciliation/7' } }),
    read: failing,
    search: failing,
  },
];

const METHODS = {
  resourceType: 'ValueSet',
  expansion: { contains: [{ system: 'urn:m', code: 'CARD', display: 'Card' }] },
};
const LOCATIONS = {
  resourceType: 'Bundle',
  type: 'searchset',
  entry: [{ resource: { resourceType: 'Location', id: 'l', identifier: [{ value: '1404' }] } }],
};

async function jsonOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return JSON.parse(text) as Record<string, unknown>;
}

function reply(response: ServerResponse, { status, body, headers }: Said): void {
  response.writeHead(status, `${CANARY} reason phrase`, {
    'content-type': 'application/fhir+json',
    ...HEADERS,
    ...headers,
  });
  response.end(body);
}

export type ComplainingEmr = {
  /** The base URL of one practice's EMR. */
  baseUrlOf(complaint: Complaint): string;
  /** Names of those to which a payment was sent. */
  sent: ReadonlySet<string>;
  close(): Promise<void>;
};

/** Starts the EMRs of all complaints on one loopback port. */
export async function openComplainingEmr(complaints: readonly Complaint[]): Promise<ComplainingEmr> {
  const sent = new Set<string>();
  const listed = (resource: object): Said => ({ status: 200, body: JSON.stringify(resource) });

  async function answer(request: IncomingMessage): Promise<Said> {
    const url = new URL(request.url ?? '/', 'http://emr.test');
    const [, place = '', type = '', id] = url.pathname.split('/');
    const complaint = complaints[Number(place)];
    if (complaint === undefined) throw new Error(`there is no EMR at ${url.pathname}`);
    if (request.method === 'POST') {
      sent.add(complaint.name);
      const posting = await jsonOf(request);
      return complaint.post?.(posting) ?? failing;
    }
    if (type === 'ValueSet') return complaint.lists ?? listed(METHODS);
    if (type === 'Location') return complaint.lists ?? listed(LOCATIONS);
    return (id === undefined ? complaint.search : complaint.read) ?? failing;
  }

  const server = createServer((request, response) => {
    answer(request).then(
      (said) => reply(response, said),
      (error: unknown) => response.destroy(error as Error),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    baseUrlOf: (complaint) => `http://127.0.0.1:${port}/${complaints.indexOf(complaint)}`,
    sent,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
