import type { Practice } from '@emr-payments/db/testing';
import type { Random } from '../../crash/random.ts';
import type { Choice } from '../border.ts';
import type { Answer, Processes } from './processes.ts';
import { IMPOSSIBLE } from './server.ts';

/** One request of a client, which it repeats until an answer is final. */
export type Deed = {
  readonly name: string;
  readonly kind: 'create' | 'retry' | 'resolve';
  readonly practice: Practice;
  readonly key: string | null;
  readonly url: string;
  readonly body: Record<string, unknown>;
  /** For a decision: the payment, how often it had been settled when the person looked, and what the person decided. */
  readonly about?: { paymentId: string; round: number; owner: Practice };
  /** Answers that decide it. */
  readonly answers: Answer[];
  sends: number;
  /** Requests without an answer yet. */
  open: number;
  /** Requests whose answer was lost, or says nothing about what was done. */
  lost: number;
};

/** Answers after which a client sends the same again, if it may. */
const NOT_NOW = new Set([409, 429, 503]);
const isNotNow = ({ status, body }: Answer) => NOT_NOW.has(status) && body.code !== 'invalid_state';

/** A request without a key is sent once: a second one would be a second payment. */
const maySend = ({ key, sends, open }: Deed) => (key === null ? sends === 0 : open < 2);

export const isDecided = ({ answers }: Deed) => answers.length > 0;

export type Clients = {
  readonly deeds: readonly Deed[];
  /** Every answer, in order. */
  readonly answered: readonly { deed: Deed; answer: Answer }[];
  add(deed: Omit<Deed, 'answers' | 'sends' | 'open' | 'lost'>): void;
  choices(): Choice[];
  /** Sends what has no answer yet. */
  sendRest(): void;
  isWaiting(): boolean;
};

export function createClients(processes: Processes): Clients {
  const deeds: Deed[] = [];
  const answered: { deed: Deed; answer: Answer }[] = [];

  function send(deed: Deed, to: string): void {
    const { practice, key, url, body } = deed;
    const { clientId, clientSecret, accessToken } = practice;
    deed.sends += 1;
    deed.open += 1;
    const headers = {
      client_id: clientId,
      client_secret: clientSecret,
      access_token: accessToken,
      'content-type': 'application/json',
      ...(key === null ? {} : { 'idempotency-key': key }),
    };
    processes.send({ method: 'POST', url, headers, payload: JSON.stringify(body) }, to, (answer) => {
      deed.open -= 1;
      if (answer !== null) answered.push({ deed, answer });
      if (answer === null || isNotNow(answer)) deed.lost += 1;
      else deed.answers.push(answer);
    });
  }

  return {
    deeds,
    answered,
    add: (deed) => void deeds.push({ ...deed, answers: [], sends: 0, open: 0, lost: 0 }),
    choices: () =>
      processes.names.flatMap((to) => {
        const able = deeds.filter(maySend);
        const undecided = able.filter((deed) => !isDecided(deed));
        return [
          ...able.map((deed) => ({
            label: `${deed.name} is sent to process ${to}`,
            weight: (isDecided(deed) ? 0.1 : 3) / (1 + 2 * deed.sends),
            happen: () => send(deed, to),
          })),
          {
            // In one turn of the event loop: they are accepted together.
            label: `${undecided.map(({ name }) => name).join(', ')} are sent to process ${to}`,
            weight: undecided.length > 1 ? 2 : 0,
            happen() {
              for (const deed of undecided) send(deed, to);
            },
          },
        ];
      }),
    sendRest() {
      for (const deed of deeds) if (!isDecided(deed) && deed.open === 0 && maySend(deed)) send(deed, '0');
    },
    isWaiting: () => deeds.some(({ open }) => open > 0),
  };
}

/** The payments that the clients want to make. Each is known by its note. */
export function plannedPayments(
  practices: readonly Practice[],
  random: Random,
): Parameters<Clients['add']>[0][] {
  const [one, second, other] = practices;
  if (one === undefined || second === undefined || other === undefined)
    throw new Error('there are no practices');
  const planned: Parameters<Clients['add']>[0][] = [];
  const plan = (practice: Practice, key: string | null, more: Record<string, unknown> = {}) => {
    const name = `#${planned.length + 1}`;
    const body = {
      patient_mrn: 'MRN-1',
      payment_method: 'Card',
      // Reference numbers may be used again.
      reference_number: '#123456',
      location: '1404',
      amount: 350,
      notes: name,
      ...more,
    };
    planned.push({ name, kind: 'create', practice, key, url: '/v1/payments', body });
  };
  plan(one, 'key-1');
  const others: (() => void)[] = [
    // The same key with another body, of another user, of another client.
    () => plan(one, 'key-1'),
    () => plan(second, 'key-1'),
    () => plan(other, 'key-1'),
    () => plan(one, 'key-2'),
    () => plan(other, 'key-2'),
    () => plan(one, null),
    () => plan(second, null),
    () => plan(other, null),
    () => plan(other, 'key-3', { notes: IMPOSSIBLE }),
    () => plan(one, null, { notes: IMPOSSIBLE }),
    () => plan(one, 'key-4', { patient_mrn: 'MRN-3' }),
  ];
  for (const each of random.shuffled(others).slice(0, random.between(3, 7))) each();
  return planned;
}
