import type { ListOutcome } from '../lists.ts';
import type { FindOutcome, PostOutcome } from '../posting.ts';
import type { BreakServer } from './break-server.ts';

/** A fault, and the outcomes that its evidence permits (docs/adapters.md). */
export type Fault = {
  name: string;
  /** Breaks the server. */
  arm(server: BreakServer): void;
  /** True when the EMR carries the request out, so that a post makes an entry. */
  carriedOut: boolean;
  /** True when the adapter's time limit ends the exchange: such rules use a short one. */
  endsByTimeout?: true;
  post: readonly PostOutcome['outcome'][];
  list: readonly ListOutcome['outcome'][];
  find: readonly FindOutcome['outcome'][];
};

/** The outcomes that a fault permits when its answer proves nothing. */
const NO_EVIDENCE = { post: ['unknown'], list: ['not_sent'], find: ['unavailable'] } as const;

function status(code: number, post: Fault['post']): Fault {
  return {
    ...NO_EVIDENCE,
    name: `HTTP ${code}`,
    arm: (server) => server.statusBefore(code),
    carriedOut: false,
    post,
  };
}

/** A 4xx that is not in the vendor's form: something between us and the EMR may have put it in place of the EMR's answer. */
const FOREIGN = ['unknown'] as const;
/** 401 and 429 may prove something without a form, where the vendor documents none (`UnderTest.statusAlone`). */
const ALONE = ['not_sent', 'unknown'] as const;

/** A 200 without a body: the vendor may document it as an acceptance, or not at all. */
const TAKEN = ['accepted', 'unknown'] as const;

export const FAULTS: readonly Fault[] = [
  {
    ...NO_EVIDENCE,
    name: 'reset on connect',
    arm: (server) => server.resetOnConnect(),
    carriedOut: false,
    post: ['not_sent', 'unknown'],
  },
  { ...NO_EVIDENCE, name: 'reset before', arm: (server) => server.resetBefore(), carriedOut: false },
  {
    ...NO_EVIDENCE,
    name: 'no answer, before',
    arm: (server) => server.hangBefore(),
    carriedOut: false,
    endsByTimeout: true,
  },
  { ...NO_EVIDENCE, name: 'HTML before', arm: (server) => server.htmlBefore(), carriedOut: false },
  {
    ...NO_EVIDENCE,
    name: 'empty body before',
    arm: (server) => server.emptyBefore(),
    carriedOut: false,
    post: TAKEN,
  },
  {
    ...NO_EVIDENCE,
    name: 'HTTP 202 before',
    arm: (server) => server.statusBefore(202),
    carriedOut: false,
    post: ['accepted'],
  },
  {
    ...NO_EVIDENCE,
    name: 'HTTP 302',
    arm: (server) => server.statusBefore(302, { location: `${server.baseUrl}/sign-in` }),
    carriedOut: false,
  },
  status(400, FOREIGN),
  status(401, ALONE),
  status(403, FOREIGN),
  status(404, FOREIGN),
  status(409, ['unknown']),
  status(422, FOREIGN),
  status(429, ALONE),
  status(500, ['unknown']),
  status(502, ['unknown']),
  status(503, ['unknown']),
  { ...NO_EVIDENCE, name: 'reset after', arm: (server) => server.resetAfter(), carriedOut: true },
  {
    ...NO_EVIDENCE,
    name: 'no answer, after',
    arm: (server) => server.hangAfter(),
    carriedOut: true,
    endsByTimeout: true,
  },
  { ...NO_EVIDENCE, name: 'HTTP 500 after', arm: (server) => server.statusAfter(500), carriedOut: true },
  { ...NO_EVIDENCE, name: 'HTML after', arm: (server) => server.htmlAfter(), carriedOut: true },
  {
    ...NO_EVIDENCE,
    name: 'empty body after',
    arm: (server) => server.emptyAfter(),
    carriedOut: true,
    post: TAKEN,
  },
  {
    ...NO_EVIDENCE,
    name: 'HTTP 202 after',
    arm: (server) => server.statusAfter(202),
    carriedOut: true,
    post: ['accepted'],
  },
  { ...NO_EVIDENCE, name: 'half an answer', arm: (server) => server.halfAnswer(), carriedOut: true },
  {
    name: 'wrong content type',
    arm: (server) => server.wrongContentType(),
    carriedOut: true,
    // The body is whole and right: it may be believed or not.
    post: ['posted', 'unknown'],
    list: ['listed', 'not_sent'],
    find: ['found', 'unavailable'],
  },
];

/** Addresses at which no request can arrive: nothing was sent, whatever the call was. */
export const UNREACHABLE: readonly { name: string; urlOf(server: BreakServer): string }[] = [
  { name: 'connection refused', urlOf: ({ unreachable }) => unreachable.refused },
  { name: 'unknown host', urlOf: ({ unreachable }) => unreachable.unknownHost },
  { name: 'no TLS', urlOf: ({ unreachable }) => unreachable.noTls },
];

/** The adapter's time limit in rules whose server hangs. Such a rule takes this long. */
export const SHORT_MS = 120;
