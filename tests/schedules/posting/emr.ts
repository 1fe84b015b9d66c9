import { sentence } from '@emr-payments/contracts';
import type { EmrAdapter, FindOutcome, PostOutcome, ResolveOutcome } from '@emr-payments/emr';
import type { Actor, Border, Choice, End } from '../border.ts';
import type { Clock } from '../clock.ts';
import type { EmrKind } from '../emr-kinds.ts';
import type { Mood } from '../held-database.ts';
import { type Entry, searchEntries } from './search-entries.ts';

export const SETTLE_MS = 60_000;
export const CONFIRM_WITHIN_MS = 600_000;

/** A request that has left us. `open`: the EMR has not decided yet. `taken`: it has said that it will write the entry later. */
type Request = {
  paymentId: string;
  amount: string;
  leftAt: number;
  state: 'open' | 'taken' | 'written' | 'gone';
  entry?: Entry;
};

/** The EMRs of a schedule, in memory, and the truth about what is in them. */
export type Emr = {
  readonly entries: readonly Entry[];
  /** Requests that have left, whatever became of them. */
  readonly requests: readonly Readonly<Request>[];
  /** Payments of which the EMR gave an answer after which it is right that a person looks. */
  readonly excused: ReadonlySet<string>;
  /** False while something of the payment may still change, also for a person who looks. */
  isQuiet(paymentId: string): boolean;
  /** The events that can happen at the EMR now. */
  choices(): Choice[];
  /** Decides about every request whose decision is due by `until`. @param input.accepted the payments that are known to us as accepted for later. */
  keepPromises(input: { until: number; accepted: ReadonlySet<string>; random: () => number }): void;
  adapterOf(kind: EmrKind, actor: Actor): EmrAdapter;
};

const detail = sentence`The schedule says so.`;

export function createEmr(
  { border, clock, mood }: { border: Border; clock: Clock; mood: Mood },
  nameOf: (paymentId: string) => string,
): Emr {
  const entries: Entry[] = [];
  const requests: (Request & { kind: EmrKind })[] = [];
  const excused = new Set<string>();
  const undecided = () => requests.filter(({ state }) => state === 'open' || state === 'taken');

  function write(request: Request & { kind: EmrKind }): Entry {
    const { paymentId, leftAt, kind } = request;
    request.state = 'written';
    const same = kind.startsWith('conditional') && entries.find((each) => each.paymentId === paymentId);
    request.entry ??= same || add({ paymentId, leftAt, hidden: kind === 'lookup' && mood.late > 0 });
    return request.entry;
  }

  function add(given: Omit<Entry, 'id'>): Entry {
    const entry = { id: `entry-${entries.length + 1}`, ...given };
    entries.push(entry);
    return entry;
  }

  /** The ways in which a posting request can be answered, or not be answered. */
  function answers(request: Request & { kind: EmrKind }, end: End<PostOutcome>): Choice[] {
    const { kind, paymentId, state } = request;
    const name = `${nameOf(paymentId)} post`;
    const unknown = (): PostOutcome => ({ outcome: 'unknown', code: 'timeout', detail });
    const posted = () => end.give({ outcome: 'posted', emrTransactionId: write(request).id });
    if (state === 'taken' || state === 'gone') {
      return [{ label: `${name} is not answered`, weight: 10, happen: () => end.give(unknown()) }];
    }
    const lost = [
      { label: `${name}: posted`, weight: 10, happen: posted },
      { label: `${name} is not answered`, weight: 3 * mood.loses, happen: () => end.give(unknown()) },
    ];
    if (state === 'written') return lost;
    const ends = (outcome: PostOutcome) => () => {
      request.state = 'gone';
      end.give(outcome);
    };
    const code = 'emr_refused';
    return [
      ...lost,
      {
        label: `${name}: refused`,
        weight: mood.refuses,
        happen: ends({ outcome: 'refused', code, reason: detail }),
      },
      {
        label: `${name}: not now`,
        weight: mood.refuses,
        happen: ends({ outcome: 'not_sent', code: 'rate_limited', detail, retryAfterMs: 2_000 }),
      },
      {
        label: `${name}: not reached`,
        weight: mood.refuses,
        happen: ends({ outcome: 'not_sent', code: 'connection_refused', detail }),
      },
      {
        label: `${name}: login rejected`,
        weight: mood.refuses / 3,
        happen: ends({ outcome: 'not_sent', code: 'unauthorized', detail }),
      },
      {
        label: `${name}: accepted for later`,
        weight: kind === 'none' ? 0 : mood.refuses,
        happen() {
          request.state = 'taken';
          excused.add(paymentId);
          end.give({ outcome: 'accepted', detail });
        },
      },
    ];
  }

  function names(paymentId: string, end: End<ResolveOutcome>): Choice[] {
    const code = { id: '1404', name: '1404' };
    return [
      {
        label: `${nameOf(paymentId)} names`,
        weight: 10,
        happen: () => end.give({ outcome: 'resolved', method: code, location: code }),
      },
      {
        label: `${nameOf(paymentId)} names are unknown`,
        weight: mood.refuses / 3,
        happen() {
          // After a send whose outcome is open this says nothing about that one.
          excused.add(paymentId);
          end.give({ outcome: 'refused', code: 'unknown_location', reason: detail });
        },
      },
    ];
  }

  return {
    entries,
    requests,
    excused,
    isQuiet: (paymentId) =>
      !undecided().some((request) => request.paymentId === paymentId) &&
      !entries.some((entry) => entry.paymentId === paymentId && entry.hidden),
    choices: () => [
      ...undecided().flatMap((request) => [
        { label: `${nameOf(request.paymentId)} arrives`, weight: mood.late, happen: () => write(request) },
        {
          label: `${nameOf(request.paymentId)} never arrives`,
          weight: mood.late / 2,
          happen() {
            request.state = 'gone';
          },
        },
      ]),
      ...entries
        .filter(({ hidden }) => hidden)
        .map((entry) => ({
          label: `${nameOf(entry.paymentId)} can be found`,
          weight: 2,
          happen() {
            entry.hidden = false;
          },
        })),
    ],
    keepPromises({ until, accepted, random }) {
      for (const request of undecided()) {
        const isKnown = request.state === 'taken' && accepted.has(request.paymentId);
        if (request.leftAt + (isKnown ? CONFIRM_WITHIN_MS : SETTLE_MS) > until) continue;
        if (random() < 0.6) write(request);
        else request.state = 'gone';
      }
      for (const entry of entries) if (entry.leftAt + SETTLE_MS <= until) entry.hidden = false;
    },
    adapterOf(kind, actor) {
      const find: EmrAdapter['find'] = async ({ paymentId, amount }) => {
        const name = `${nameOf(paymentId)} look-up`;
        const unavailable: FindOutcome = { outcome: 'unavailable', code: 'timeout', detail };
        const fails = (end: End<FindOutcome>) => ({
          label: `${name} fails`,
          weight: 2 * mood.loses,
          happen: () => end.give(unavailable),
        });
        const answer = await border.hold<FindOutcome>(actor, (end) => ({
          choices: () => [
            {
              label: name,
              weight: 10,
              happen: () => end.give(searchEntries(entries, { paymentId, amount })),
            },
            fails(end),
          ],
        }));
        return border.hold<FindOutcome>(actor, (end) => ({
          choices: () => [
            { label: `${name}: ${answer.outcome}`, weight: 10, happen: () => end.give(answer) },
            fails(end),
          ],
        }));
      };
      const adapter: EmrAdapter = {
        capability: kind === 'conditional-create without a search' ? 'conditional-create' : kind,
        place: 'played',
        bucket: null,
        settleMs: SETTLE_MS,
        confirmWithinMs: CONFIRM_WITHIN_MS,
        describe: () => Promise.reject(new Error('nobody asks')) as never,
        check: () => Promise.reject(new Error('nobody asks')),
        list: () => Promise.reject(new Error('nobody asks')),
        resolve: (payment) => {
          const { id = '' } = payment as { id?: string };
          return border.hold<ResolveOutcome>(actor, (end) => ({
            choices: () => names(id.replaceAll('-', ''), end),
          }));
        },
        async post({ paymentId, amount }, { signal, mayStillSend }) {
          await border.hold<void>(actor, (end) => ({
            choices: () => [
              { label: `${nameOf(paymentId)} post is ready`, weight: 10, happen: () => end.give() },
            ],
          }));
          for (let open = mayStillSend(); open !== true; open = mayStillSend()) {
            if (
              open === false ||
              !(await open.then(
                () => true,
                () => false,
              ))
            )
              return { outcome: 'not_sent', code: 'claim_lost', detail };
          }
          if (signal.aborted) return { outcome: 'not_sent', code: 'aborted', detail };
          const request = { paymentId, amount, kind, leftAt: clock.now(), state: 'open' } as Request & {
            kind: EmrKind;
          };
          requests.push(request);
          return border.hold<PostOutcome>(actor, (end) => ({ choices: () => answers(request, end) }));
        },
      };
      return kind === 'lookup' || kind === 'conditional-create' ? { ...adapter, find } : adapter;
    },
  };
}
