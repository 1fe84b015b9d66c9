import { afterEach, beforeEach, expect, test } from 'vitest';
import { foundAs, sending } from '../../conformance/rule.ts';
import { findPosting } from '../../fhir/find-posting.ts';
import { sendPosting } from '../../fhir/send-posting.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import type { Posting } from '../../posting.ts';
import {
  type ForeignAnswer,
  type ForeignServer,
  type ForeignWays,
  openForeignServer,
} from './foreign-server.fixture.ts';
import { readFhirConnection } from './settings.ts';

// Answers that are legal, or nearly so, and that a reader easily takes for less or for more than they say.

let emr: ForeignServer;
beforeEach(async () => {
  emr = await openForeignServer();
});
afterEach(() => emr.close());

const ID = 'a'.repeat(32);
const SYSTEM = 'urn:emr-payments:payment-id';
const ours = {
  resourceType: 'PaymentReconciliation',
  id: '7',
  identifier: [{ system: SYSTEM, value: ID }],
  amount: { value: 350.1, currency: 'USD' },
  paymentIssuer: { reference: 'Patient/p1' },
  date: '2026-06-15',
  method: { coding: [{ system: 'urn:m', code: 'CARD' }] },
};
const posting: Posting = {
  paymentId: ID,
  emrPatientId: 'p1',
  amount: '350.10',
  referenceNumber: 'r-1',
  notes: null,
  depositDate: '2026-06-15',
  method: { id: 'urn:m|CARD', name: 'Card' },
  location: { id: 'loc-main', name: 'Main Street' },
};

const connect = (settings: Record<string, unknown> = {}) =>
  readFhirConnection(
    {
      userId: 1,
      adapter: 'fhir-r5',
      baseUrl: emr.baseUrl,
      credentials: {},
      settings,
      timeZone: 'UTC',
    },
    localAdapterDeps(),
  );

function find(search: NonNullable<ForeignWays['search']>) {
  emr.behave({ search });
  return findPosting(connect(), posting, sending());
}
/** Looks the payment up. @param answers one for each page. */
function findIn(...answers: unknown[]) {
  const pages = [...answers];
  return find(() => ({ status: 200, body: pages.shift() }));
}

const bundle = (fields: object = {}) => ({ resourceType: 'Bundle', type: 'searchset', ...fields });
const self = (url: string) => ({ relation: 'self', url });
const next = (url?: string) => ({ relation: 'next', url });
const found = foundAs('7', '350.10');
const search = `PaymentReconciliation?identifier=${encodeURIComponent(`${SYSTEM}|${ID}`)}`;

test.each<[string, unknown]>([
  ['members that are null', bundle({ entry: null, link: null, total: null, issues: null, meta: null })],
  ['a byte order mark', `\ufeff${JSON.stringify(bundle({ total: 0 }))}`],
  ['a link without a url', bundle({ link: [{ relation: 'self' }] })],
  ['a self link with the first page', bundle({ link: [self(`${search}&_count=10&_skip=0`)] })],
  ['a self link with a page number', bundle({ link: [self(`${search}&_count=10&_page=1`)] })],
  ['a self link with parameters of the server', bundle({ link: [self(`${search}&__t=5&page=1`)] })],
  [
    'a self link that names the id in any system',
    bundle({ link: [self(`PaymentReconciliation?identifier=${ID}`)] }),
  ],
])('nothing found: %s', async (_name, body) => {
  expect(await findIn(body)).toEqual({ outcome: 'absent' });
});

test.each<[string, unknown, string]>([
  [
    'an included payment without an id',
    bundle({ entry: [{ search: { mode: 'include' }, resource: { ...ours, id: undefined } }] }),
    'answer_not_understood',
  ],
  ['an entry that is null', bundle({ total: null, entry: [null] }), 'answer_not_understood'],
  ['a resource that is null', bundle({ entry: [{ resource: null }] }), 'answer_not_understood'],
  [
    'identifiers that are null',
    bundle({ entry: [{ resource: { ...ours, identifier: null } }] }),
    'search_not_honoured',
  ],
  [
    'our id in capitals',
    bundle({ entry: [{ resource: { ...ours, identifier: [{ system: SYSTEM, value: ID.toUpperCase() }] } }] }),
    'search_not_honoured',
  ],
  [
    'a remark with an empty list of issues',
    bundle({ entry: [{ resource: { resourceType: 'OperationOutcome', issue: [] } }] }),
    'answer_not_understood',
  ],
  [
    'a self link without our system',
    bundle({ link: [self(`PaymentReconciliation?identifier=%7C${ID}`)] }),
    'search_not_honoured',
  ],
  [
    'a self link with another system',
    bundle({ link: [self(`PaymentReconciliation?identifier=urn:other%7C${ID}`)] }),
    'search_not_honoured',
  ],
  ['a next page without a url', bundle({ total: 0, link: [next()] }), 'bad_answer'],
  ['a next page whose url is none', bundle({ total: 0, link: [next('http://[')] }), 'bad_answer'],
  ['a negative total', bundle({ total: -1 }), 'bad_answer'],
  ['a total beyond all numbers', '{"resourceType":"Bundle","type":"searchset","total":1e400}', 'bad_answer'],
  ['a collection', bundle({ type: 'collection' }), 'bad_answer'],
  ['a NUL behind the Bundle', `${JSON.stringify(bundle())}\u0000`, 'bad_answer'],
])('no evidence: %s', async (_name, body, code) => {
  expect(await findIn(body)).toMatchObject({ outcome: 'unavailable', code });
});

test.each([
  ['with a capital', () => ({ relation: 'Next', url: `${emr.baseUrl}/PaymentReconciliation?page=2` })],
  ['at the base URL', () => next(`${emr.baseUrl}?_getpages=1&_getpagesoffset=1`)],
  ['at the base URL with a slash', () => next(`${emr.baseUrl}/?_getpages=1`)],
  ['relative to the base URL', () => next('PaymentReconciliation?page=2')],
  ['relative to the host', () => next('/fhir/PaymentReconciliation?page=2')],
  ['that is a query only', () => next('?page=2')],
])('the next page is read when its link is one %s', async (_name, link) => {
  expect(await findIn(bundle({ link: [link()] }), bundle({ entry: [{ resource: ours }] }))).toEqual(found);
});

test('a query alone is relative to its page', async () => {
  await findIn(bundle({ link: [next('?page=2')] }), bundle());
  expect(emr.seen[1]?.path).toBe('/fhir/PaymentReconciliation');
});

test('a page that leads to itself ends', async () => {
  const page = bundle({ link: [next('PaymentReconciliation?page=2')] });
  expect(await find(() => ({ status: 200, body: page }))).toMatchObject({ code: 'answer_too_large' });
});

test('our entry is found although other members of it are null', async () => {
  const entry = { fullUrl: null, search: null, resource: { ...ours, created: null } };
  expect(await findIn(bundle({ entry: [entry] }))).toEqual(found);
});

test('the URL of a look-up changes: a cache that says so nowhere does not answer for the EMR', async () => {
  const urls = new Set<string>();
  for (let look = 0; look < 8; look += 1) {
    await find((plain) => {
      urls.add(JSON.stringify(plain.body.link));
      return plain;
    });
  }
  // The page size is drawn from a hundred.
  expect(urls.size).toBeGreaterThan(1);
});

const HOUR_MS = 3_600_000;
const aged = (ms: number): ForeignAnswer => {
  const time = new Date(Date.now() - ms);
  return {
    status: 200,
    headers: { date: time.toUTCString() },
    body: bundle({ total: 0, meta: { lastUpdated: time.toISOString() } }),
  };
};

test.each([-HOUR_MS, 11 * 60_000, 5 * HOUR_MS])(
  'an EMR whose clock is %i ms slow is believed',
  async (slowMs) => {
    expect(await find(() => aged(slowMs))).toEqual({ outcome: 'absent' });
  },
);

test('an EMR whose own clock is slower than its proxy is believed', async () => {
  const meta = () => ({ lastUpdated: new Date(Date.now() - 60_000).toISOString() });
  expect(await find(() => ({ status: 200, body: bundle({ meta: meta() }) }))).toEqual({ outcome: 'absent' });
});

test.each([0, 5 * HOUR_MS])(
  'an answer older than what the EMR answers to a new question is no evidence, with a clock %i ms slow',
  async (slowMs) => {
    let asked = 0;
    const search = () => {
      asked += 1;
      return asked === 1 ? aged(slowMs + 30_000) : aged(slowMs);
    };
    expect(await find(search)).toMatchObject({ outcome: 'unavailable', code: 'answer_cached' });
  },
);

test('an old answer is no evidence when the EMR answers nothing to a new question', async () => {
  let asked = 0;
  const search = () => {
    asked += 1;
    return asked === 1 ? aged(30_000) : { status: 503, body: {} };
  };
  expect(await find(search)).toMatchObject({ outcome: 'unavailable', code: 'answer_cached' });
});

test.each([
  ['200', 200],
  ['202', 202],
])(
  'a plain create that is answered %s is believed only after the entry has been read',
  async (_n, status) => {
    const send = (read: NonNullable<ForeignWays['read']>) => {
      emr.behave({ created: (plain) => ({ ...plain, status }), read });
      return sendPosting(connect({ conditional_create: false }), posting, sending());
    };
    expect(await send((plain) => plain)).toMatchObject({ outcome: 'posted' });
    const body = { ...ours, amount: { value: 1, currency: 'USD' } };
    expect(await send(() => ({ status: 200, body }))).toMatchObject({ outcome: 'differs' });
    // An entry that was accepted for later may not be there yet; one that a 200 names is said to be there.
    const unread = status === 202 ? 'accepted' : 'unknown';
    expect(await send(() => ({ status: 404, body: {} }))).toMatchObject({ outcome: unread });
  },
);

test('the key of a conditional create is a query: a plus in the system stays one', async () => {
  await sendPosting(connect({ payment_identifier_system: 'urn:a+b' }), posting, sending());
  const sent = new URLSearchParams(String(emr.seen[0]?.headers['if-none-exist']));
  expect(sent.get('identifier')).toBe(`urn:a+b|${ID}`);
});
