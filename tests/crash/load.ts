import { setTimeout as wait } from 'node:timers/promises';
import { PATIENTS } from './practice-data.ts';
import type { Practice } from './practices.ts';
import { type Random, randomFrom } from './random.ts';
import type { Requested, Try } from './records.ts';
import { TIMING } from './timing.ts';

export type Load = {
  readonly requested: readonly Requested[];
  /** Stops new payments; resolves when every client has its answer or has given up. */
  end(): Promise<void>;
  /** Stops all of it at once, for a run that has failed: nothing would answer, and the clients would go on for as long as the process. */
  stop(): void;
};

/** The limit of waiting clients: enough for a long outage. With more, the suite itself would be the bottleneck. */
const MOST_WAITING = 5_000;
const TICK_MS = 20;

/** Shares of all payments. */
const SHARES = {
  /** Payments with a method that the practice does not have. They must fail. */
  unknownMethod: 0.03,
  /** Clients that give up after one try. */
  impatient: 0.03,
  /** Clients that repeat the request although they have an answer. */
  repeats: 0.05,
};

function newPayment(
  random: Random,
  { practice, reference, number }: { practice: Practice; reference: string; number: number },
): Requested {
  const methodIsKnown = practice.anyMethod || random.next() >= SHARES.unknownMethod;
  const location = random.pick(practice.locations);
  return {
    reference,
    emr: practice.emr,
    endpoints: practice.endpoints,
    patientMrn: random.pick(PATIENTS),
    // By its amount a payment is recognised at an EMR that keeps nothing else of it.
    amount: practice.emr.keyless ? (number + 1) / 100 : random.between(1, 100_000) / 100,
    paymentMethod: methodIsKnown ? random.pick(practice.methods) : 'Seashells',
    location: location.given,
    locationName: location.name,
    methodIsKnown,
    tries: [],
  };
}

/** A client repeats its request after these answers, and after none. */
const REPEAT_AFTER: readonly Try['status'][] = [null, 409, 429, 503];

const NO_ANSWER = { status: null, paymentId: null, jobId: null, replayed: false, retryAfter: false };

async function tryOnce(url: string, practice: Practice, requested: Requested): Promise<Try> {
  try {
    const answer = await fetch(`${url}/v1/payments`, {
      method: 'POST',
      headers: {
        ...practice.headers,
        'content-type': 'application/json',
        'idempotency-key': requested.reference,
      },
      body: JSON.stringify({
        patient_mrn: requested.patientMrn,
        payment_method: requested.paymentMethod,
        reference_number: requested.reference,
        location: requested.location,
        amount: requested.amount,
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
      at: Date.now(),
    };
  } catch {
    return { ...NO_ANSWER, at: Date.now() };
  }
}

/**
 * Sends payments at a steady rate for all practices, to all addresses in turn. The clients behave correctly: after no answer, or one
 * that says "not now", they repeat the request with the same Idempotency-Key at the next address until they get an answer.
 *
 * @param input.rate payments per second.
 */
export function startLoad(input: {
  /** One at least. */
  apiUrls: readonly string[];
  practices: readonly Practice[];
  rate: number;
  seed: number;
}): Load {
  const { apiUrls, practices, rate, seed } = input;
  const random = randomFrom(seed ^ 0x10ad);
  const requested: Requested[] = [];
  const waiting = new Set<Promise<void>>();
  const startedAt = performance.now();
  let stopped = false;

  async function sendUntilAnswered(payment: Requested, practice: Practice, first: number): Promise<void> {
    const impatient = random.next() < SHARES.impatient;
    const givesUpAt = performance.now() + TIMING.clientGivesUpMs;
    for (let n = first; performance.now() < givesUpAt && !stopped; n += 1) {
      const result = await tryOnce(apiUrls[n % apiUrls.length] ?? '', practice, payment);
      payment.tries.push(result);
      if (!REPEAT_AFTER.includes(result.status) || impatient) return;
      await wait(random.between(100, 600));
    }
  }

  async function oneClient(payment: Requested, practice: Practice, n: number): Promise<void> {
    await sendUntilAnswered(payment, practice, n);
    const answered = payment.tries.at(-1)?.status === 200;
    if (answered && random.next() < SHARES.repeats) await sendUntilAnswered(payment, practice, n + 1);
  }

  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * rate);
    while (requested.length < due && waiting.size < MOST_WAITING) {
      const n = requested.length;
      const practice = practices[n % practices.length];
      if (practice === undefined) return;
      const payment = newPayment(random, { practice, reference: `crash-${seed}-${n}`, number: n });
      requested.push(payment);
      const client = oneClient(payment, practice, Math.floor(n / practices.length)).finally(() =>
        waiting.delete(client),
      );
      waiting.add(client);
    }
  }, TICK_MS);

  return {
    requested,
    async end() {
      clearInterval(timer);
      await Promise.all(waiting);
    },
    stop() {
      stopped = true;
      clearInterval(timer);
    },
  };
}
