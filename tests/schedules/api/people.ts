import { newEventId, paymentFailedEvent, paymentReviewEvent, uuidToPaymentId } from '@emr-payments/contracts';
import {
  claimPosting,
  endHold,
  findConnection,
  makePartitions,
  pruneBatch,
  putPatient,
  settlePayment,
  startHold,
} from '@emr-payments/db';
import type { Random } from '../../crash/random.ts';
import type { Actor, Choice } from '../border.ts';
import { type Clients, type Deed, isDecided } from './clients.ts';
import type { ApiWorld, Server } from './server.ts';
import type { ApiStage } from './stage.ts';

type Database = ReturnType<Server['databaseOf']>;

/** Payments that a client knows of, with what it knows. */
type Known = { paymentId: string; deed: Deed };

/** A payment as people see it. */
type Seen = { id: string; status: string; round: number; event_id: string | null };
const LOOK = `
  SELECT id, status, round, (SELECT id FROM events WHERE payment_id = p.id ORDER BY round DESC LIMIT 1) AS event_id FROM payments p`;
/** Decisions that wait at once for their answer. */
const MOST_DECISIONS = 3;

const BY = { actor: 'a person', source: 'schedules' };
/** How long keys are kept. */
export const KEY_DAYS = 7;

/** All that happens beside the requests for new payments: decisions of people, the worker, the upkeep, the operator. */
export function createPeople({
  mood,
  server,
  stage,
  clients,
  random,
}: Pick<ApiWorld, 'mood'> & {
  server: Server;
  stage: ApiStage;
  clients: Clients;
  random: Random;
}): {
  /** Reads what people can see. */
  look(): Promise<void>;
  choices(): Choice[];
  isAtWork(): boolean;
} {
  let asked = 0;
  const seen = new Map<string, Seen>();
  const tasks = new Set<string>();

  /** Work of another process, which never fails. One at a time of each kind. */
  function other(
    name: string,
    weight: number,
    work: (deps: { database: Database }) => Promise<unknown>,
  ): Choice {
    const actor: Actor & { sure: true } = { name, alive: true, frozen: false, sure: true };
    return {
      label: `${name}: begins`,
      weight: tasks.has(name) ? 0 : weight,
      happen() {
        tasks.add(name);
        // One whose time was up has done nothing: an operator sees that, and comes again.
        void work({ database: server.databaseOf(actor) })
          .catch(() => undefined)
          .finally(() => tasks.delete(name));
      },
    };
  }

  const known = (): Known[] => {
    const found = new Map<string, Known>();
    for (const { deed, answer } of clients.answered)
      if (deed.kind === 'create' && answer.status === 200) {
        const paymentId = String(answer.body.payment_id);
        if (!found.has(paymentId)) found.set(paymentId, { paymentId, deed });
      }
    return [...found.values()];
  };

  /** The worker takes a job and ends it. */
  const settle = (status: 'failed' | 'needs_review'): Choice =>
    other('the worker', known().length > 0 ? mood.worker : 0, async (deps) => {
      const { rows } = await stage.ask<{ id: number; fence: number }>(
        'SELECT id, fence FROM jobs ORDER BY id',
      );
      const job = rows[random.between(0, Math.max(0, rows.length - 1))];
      if (job === undefined) return;
      const claimed = await claimPosting(deps, { jobId: String(job.id), fence: job.fence, leaseMs: 1_000 });
      if (claimed === null) return;
      const { claim, payment } = claimed;
      const paymentId = uuidToPaymentId(payment.id);
      const head = {
        eventId: newEventId(),
        round: payment.round + 1,
        userPublicId: payment.userPublicId,
        created: new Date(),
        jobId: claim.jobId,
      };
      const event =
        status === 'failed'
          ? paymentFailedEvent({ ...head, payment: { paymentId, failureReason: 'No.' } })
          : paymentReviewEvent({ ...head, payment: { paymentId, reviewReason: 'Perhaps.' } });
      await settlePayment(deps, {
        claim,
        round: payment.round,
        clientPk: payment.clientPk,
        result: { status, failureCode: 'emr_refused', failureReason: 'No.' },
        attempt: null,
        event: { id: event.id, type: event.type, body: JSON.stringify(event) },
      });
    });

  /** A person decides about a payment, from what it is now: the request may leave much later. */
  function decide({ paymentId, deed }: Known, kind: 'retry' | 'resolve'): Choice {
    const { round = 0, status, event_id } = seen.get(paymentId) ?? {};
    const fits = status === (kind === 'retry' ? 'failed' : 'needs_review');
    const waiting = clients.deeds.filter((each) => each.about !== undefined && !isDecided(each));
    return {
      label: `a person wants a ${kind} of ${deed.name}`,
      weight: waiting.length > MOST_DECISIONS || status === undefined ? 0 : mood.people * (fits ? 1 : 0.02),
      happen() {
        asked += 1;
        const name = `${kind} ${asked} of ${deed.name}`;
        const foreign = stage.practices.find(({ userId }) => userId !== deed.practice.userId);
        const practice = random.next() < 0.15 ? (foreign ?? deed.practice) : deed.practice;
        // A new key, none, or one of a few, which other requests have as well.
        const key = random.pick([`key-of-${asked}`, null, 'key-1', 'key-9']);
        const body =
          kind === 'retry'
            ? { location: random.pick(['1404', '1405']) }
            : { outcome: random.pick(['posted', 'not_posted', 'not_posted']), note: name, event_id };
        const url = `/v1/payments/${paymentId}/${kind}`;
        const about = { paymentId, round, owner: deed.practice };
        clients.add({ name, kind, practice, key, url, body, about });
      },
    };
  }

  function operator(): Choice[] {
    const [one] = stage.practices;
    if (one === undefined) return [];
    const { userId, publicId } = one;
    const people = ['an operator', 'another operator'];
    const put = (mrn: string, emrPatientId: string) =>
      other(`the practice stores ${mrn} as ${emrPatientId}`, 0.15, async (deps) => {
        const connection = await findConnection({ database: { pool: { query: stage.ask } } } as never, {
          userId,
        });
        await putPatient(deps, {
          ...{ userId, publicId, mrn, emrPatientId, by: BY },
          connectionVersion: connection?.version ?? '',
        });
      });
    return [
      ...people.flatMap((name) => [
        other(`${name} holds`, 0.1 * mood.people, (deps) =>
          startHold(deps, { scope: 'all', reason: null, by: BY }),
        ),
        other(`${name} ends the hold`, 0.2 * mood.people, (deps) => endHold(deps, { scope: 'all', by: BY })),
      ]),
      put('MRN-1', random.pick(['p1', 'p2'])),
      put('MRN-3', 'p3'),
    ];
  }

  return {
    async look() {
      for (const row of (await stage.ask<Seen>(LOOK)).rows) seen.set(uuidToPaymentId(row.id), row);
    },
    choices: () => [
      ...known().flatMap((payment) => [decide(payment, 'retry'), decide(payment, 'resolve')]),
      settle('failed'),
      settle('needs_review'),
      ...operator(),
      other('the upkeep makes partitions', 0.05, (deps) =>
        makePartitions(deps, { widthDays: 200, aheadDays: 300 }),
      ),
      other('the upkeep removes old keys', 0.3, (deps) =>
        pruneBatch(deps, { what: 'idempotency_keys', days: KEY_DAYS }),
      ),
    ],
    isAtWork: () => tasks.size > 0,
  };
}
