import { type SendInput, type SendOutcome, signHeaders, verify } from '@emr-payments/webhooks';
import type { Actor, Choice, End } from '../border.ts';
import type { World } from '../held-database.ts';

/** How long a request may take, as `sendWebhook` has it. */
const DEADLINE_MS = 15_000;

/** How a receiver answers. One that is down answers again when everything goes well, and one that is dead does not. */
export type Temper = 'well' | 'ill' | 'down' | 'dead';

/** A request that a worker has made to a receiver. */
export type Request = {
  readonly eventId: string;
  readonly url: string;
  readonly body: string;
  readonly job: string;
  readonly fence: number;
  readonly actor: Actor;
  /** When it was made: the time of its attempt. */
  readonly at: number;
  /** What its sender got. */
  given: SendOutcome | null;
  /** True if it has this signature, and as many as given. */
  isSignedWith(secrets: readonly string[]): boolean;
};

/** The receivers of a schedule, in memory. */
export type Receivers = {
  readonly requests: readonly Request[];
  /** Makes what a worker sends with, under one claim. */
  sender(by: { actor: Actor; job: string; fence: number }): (input: SendInput) => Promise<SendOutcome>;
};

const SEEN = { durationMs: 0, excerpt: '' };
type Failed = Extract<SendOutcome, { outcome: 'failed' }>;
const failed = (kind: Failed['kind'], more: Partial<Failed> = {}): Failed => ({
  outcome: 'failed',
  kind,
  detail: 'The schedule says so.',
  ...SEEN,
  ...more,
});
const status = (httpStatus: number, more: Partial<Failed> = {}) =>
  failed('http_status', { httpStatus, ...more });

export function createReceivers(
  { border, clock, mood }: World,
  { nameOf, temperOf }: { nameOf(request: Request): string; temperOf(url: string): Temper },
): Receivers {
  const requests: Request[] = [];

  function answers(request: Request, end: End<SendOutcome>): Choice[] {
    const temper = temperOf(request.url);
    const isUp = temper === 'well' || temper === 'ill';
    const name = nameOf(request);
    const delivered = { outcome: 'delivered', httpStatus: 204, ...SEEN } as const;
    const gone = { outcome: 'gone', httpStatus: 410, ...SEEN } as const;
    const trouble = temper === 'ill' ? 3 : mood.refuses;
    const possible: [string, number, SendOutcome][] = [
      ['answers 204', isUp ? 10 : 1, delivered],
      ['has it, and is not heard', mood.loses, failed('reset')],
      ['answers 500', isUp ? trouble : 10, status(500)],
      ['answers 503 and to wait an hour', trouble / 2, status(503, { retryAfterMs: 3_600_000 })],
      ['answers 410', mood.refuses / 4, gone],
      ['is not reached', trouble / 2, failed('connect')],
      ['has an address that is not allowed', mood.refuses / 20, failed('address_refused')],
    ];
    // The first is what happens when everything goes well.
    if (temper === 'dead') possible.unshift(...possible.splice(2, 1));
    return possible.map(([how, weight, outcome]) => ({
      label: `${name} ${how}`,
      weight,
      happen: () => end.give(outcome),
    }));
  }

  return {
    requests,
    sender: (by) => async (input) => {
      const { signal, now } = input;
      const body = String(input.body);
      const headers = signHeaders({ id: input.id, timestamp: now, body, secrets: input.secrets });
      const isSignedWith = (secrets: readonly string[]) =>
        headers['webhook-signature'].split(' ').length === secrets.length &&
        secrets.every((secret) => verify({ headers, body, secrets: [secret], now }).ok);
      const request: Request = {
        ...by,
        eventId: input.id,
        url: input.url,
        body,
        at: now.getTime(),
        given: null,
        isSignedWith,
      };
      if (signal?.aborted) return failed('canceled');
      requests.push(request);
      const startedAt = clock.now();
      const key = {};
      const outcome = await border.hold<SendOutcome>(by.actor, (end) => {
        /** Ends it by our own doing, whatever the receiver is at. */
        const cut = (kind: Failed['kind']) => () => {
          for (const waiting of border.waiting) {
            if (waiting.key !== key) continue;
            waiting.leave();
            end.give(failed(kind));
          }
        };
        setTimeout(cut('timeout'), DEADLINE_MS);
        signal?.addEventListener('abort', cut('canceled'), { once: true });
        return { key, choices: () => answers(request, end) };
      });
      request.given = { ...outcome, durationMs: clock.now() - startedAt };
      return request.given;
    },
  };
}
