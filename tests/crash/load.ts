import { setTimeout as wait } from 'node:timers/promises';
import { LOCATIONS, METHODS, PATIENTS, type Practice } from './practices.ts';
import { type Random, randomFrom } from './random.ts';
import type { Asked, Try } from './records.ts';
import { TIMING } from './timing.ts';

export type Load = {
  readonly asked: readonly Asked[];
  /** No new payment from now on; resolves when every client has its answer or has given up. */
  end(): Promise<void>;
};

/** Enough for a long outage; beyond it the suite would measure itself. */
const MOST_WAITING = 5_000;
const TICK_MS = 20;

const SHARES = {
  /** Of payments with a method that the practice does not have: they must fail. */
  unknownMethod: 0.03,
  /** Of clients that give up after one try. */
  impatient: 0.03,
  /** Of clients that ask once more although they have an answer. */
  repeats: 0.05,
};

function newPayment(random: Random, practice: Practice, reference: string): Asked {
  const methodIsKnown = random.next() >= SHARES.unknownMethod;
  return {
    reference,
    capability: practice.capability,
    endpoints: practice.endpoints,
    patientMrn: random.pick(PATIENTS),
    amount: random.between(1, 100_000) / 100,
    paymentMethod: methodIsKnown ? random.pick(METHODS) : 'Seashells',
    location: random.pick(LOCATIONS),
    methodIsKnown,
    tries: [],
  };
}

/** No answer, and the answers that say "not now". */
const ASK_AGAIN: readonly Try['status'][] = [null, 409, 429, 503];

const NO_ANSWER: Try = { status: null, paymentId: null, jobId: null, replayed: false, retryAfter: false };

async function tryOnce(url: string, practice: Practice, asked: Asked): Promise<Try> {
  try {
    const answer = await fetch(`${url}/v1/payments`, {
      method: 'POST',
      headers: {
        ...practice.headers,
        'content-type': 'application/json',
        'idempotency-key': asked.reference,
      },
      body: JSON.stringify({
        patient_mrn: asked.patientMrn,
        payment_method: asked.paymentMethod,
        reference_number: asked.reference,
        location: asked.location,
        amount: asked.amount,
      }),
      signal: AbortSignal.timeout(TIMING.clientTimeoutMs),
    });
    const body = (await answer.json()) as { payment_id?: string; job_id?: number };
    return {
      status: answer.status,
      paymentId: body.payment_id ?? null,
      jobId: body.job_id ?? null,
      replayed: answer.headers.get('idempotent-replayed') === 'true',
      retryAfter: answer.headers.has('retry-after'),
    };
  } catch {
    return NO_ANSWER;
  }
}

/**
 * Payments at a steady rate, over all practices and both APIs, by clients as they should be: whoever gets no answer, or
 * one that says "not now", repeats with the same Idempotency-Key, at the other API, until it gets one.
 *
 * @param input.rate payments a second.
 */
export function startLoad(input: {
  apiUrls: readonly [string, ...string[]];
  practices: readonly Practice[];
  rate: number;
  seed: number;
}): Load {
  const { apiUrls, practices, rate, seed } = input;
  const random = randomFrom(seed ^ 0x10ad);
  const asked: Asked[] = [];
  const waiting = new Set<Promise<void>>();
  const startedAt = performance.now();

  async function askUntilAnswered(payment: Asked, practice: Practice, first: number): Promise<void> {
    const impatient = random.next() < SHARES.impatient;
    const givesUpAt = performance.now() + TIMING.clientGivesUpMs;
    for (let n = first; performance.now() < givesUpAt; n += 1) {
      const result = await tryOnce(apiUrls[n % apiUrls.length] ?? apiUrls[0], practice, payment);
      payment.tries.push(result);
      if (!ASK_AGAIN.includes(result.status) || impatient) return;
      await wait(random.between(100, 600));
    }
  }

  async function oneClient(payment: Asked, practice: Practice, n: number): Promise<void> {
    await askUntilAnswered(payment, practice, n);
    const answered = payment.tries.at(-1)?.status === 200;
    if (answered && random.next() < SHARES.repeats) await askUntilAnswered(payment, practice, n + 1);
  }

  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * rate);
    while (asked.length < due && waiting.size < MOST_WAITING) {
      const n = asked.length;
      const practice = practices[n % practices.length];
      if (practice === undefined) return;
      const payment = newPayment(random, practice, `crash-${seed}-${n}`);
      asked.push(payment);
      const client = oneClient(payment, practice, Math.floor(n / practices.length)).finally(() =>
        waiting.delete(client),
      );
      waiting.add(client);
    }
  }, TICK_MS);

  return {
    asked,
    async end() {
      clearInterval(timer);
      await Promise.all(waiting);
    },
  };
}
