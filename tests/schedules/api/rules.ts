import { paymentIdToUuid } from '@emr-payments/contracts';
import type { Violation } from '../part.ts';
import type { Clients, Deed } from './clients.ts';
import { isDecided } from './clients.ts';
import type { Answer } from './processes.ts';
import { IMPOSSIBLE } from './server.ts';
import type { ApiStage } from './stage.ts';

/** Rows of one transaction have the same `tx`. */
type Payment = { id: string; user_id: number; notes: string; job_id: number; status: string; round: number };
type Event = { id: string; payment_id: string; type: string; round: number; tx: string };
type Transition = { payment_id: string; from: string | null; to: string; tx: string };
type Audited = { action: string; subject: string; user_id: string | null; note: string | null; tx: string };
type Records = {
  payments: Payment[];
  jobs: { id: number; payment_id: string }[];
  events: Event[];
  transitions: Transition[];
  audited: Audited[];
  keys: { key: string; payment_id: string | null; status: number | null }[];
  holds: { begun: number; ended: number };
};

const READ = {
  payments: 'SELECT id, user_id, notes, job_id, status, round FROM payments ORDER BY job_id',
  jobs: 'SELECT id, payment_id FROM jobs',
  events: 'SELECT id, payment_id, type, round, xmin::text AS tx FROM events ORDER BY round',
  transitions: 'SELECT payment_id, "from", "to", xmin::text AS tx FROM crash.transitions ORDER BY seq',
  audited: `SELECT action, subject, user_id, detail ->> 'note' AS note, xmin::text AS tx FROM audit_log WHERE id > $1 ORDER BY id`,
  keys: 'SELECT key, payment_id, status FROM idempotency_keys',
};

async function readAll({ ask, lastAudited }: Pick<ApiStage, 'ask' | 'lastAudited'>): Promise<Records> {
  const records: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(READ))
    records[name] = (await ask(text, name === 'audited' ? [lastAudited] : [])).rows;
  const holds = await ask('SELECT count(*)::int AS begun, count(ended_at)::int AS ended FROM holds');
  return { ...records, holds: holds.rows[0] } as Records;
}

const OPEN = new Set(['accepted', 'posting', 'retrying', 'submitted']);

/** @returns what two requests of which one repeats the other have in common. */
const requestOf = ({ practice, key, url, body, name }: Deed) =>
  key === null ? `alone: ${name}` : `${practice.userId} ${key} ${url} ${JSON.stringify(body)}`;

const isOf = (deed: Deed, { status }: Answer) => deed.kind !== 'create' && status === 200;

/**
 * Checks everything that was answered and written when all has come to rest.
 *
 * @param input.expiries how often keys may have been removed because of their age.
 * @param input.isTroubled false: nothing has gone wrong that a client may notice.
 */
export async function checkApi(
  stage: Pick<ApiStage, 'ask' | 'lastAudited'>,
  { clients, expiries, isTroubled }: { clients: Clients; expiries: number; isTroubled: boolean },
): Promise<Violation[]> {
  const found: Violation[] = [];
  const complain = (rule: string, about: string, detail: string) => found.push({ rule, about, detail });
  const records = await readAll(stage);
  const { deeds, answered } = clients;
  const lives = 1 + expiries;

  for (const deed of deeds) {
    if (deed.key !== null && !isDecided(deed)) {
      const last = answered.findLast((each) => each.deed === deed)?.answer;
      complain('no answer in the end', deed.name, `${last?.status} ${last?.body.code}`);
    }
  }
  for (const { deed, answer } of answered) {
    const wrong = wrongAnswer(deed, { answer, deeds, isTroubled, lives });
    if (wrong !== null) complain(wrong, deed.name, `${answer.status} ${answer.body.code}`);
  }
  checkCreates(records, { clients, lives, complain });
  checkDecisions(records, { clients, lives, complain });
  for (const { id, job_id, status, round, notes } of records.payments) {
    const jobs = records.jobs.filter(({ payment_id }) => payment_id === id).map((job) => job.id);
    if (OPEN.has(status) !== (jobs.length === 1) || jobs.some((job) => job !== job_id))
      complain('payment without its job', notes, `${status}: ${jobs.join(', ')}`);
    const rounds = records.events.filter(({ payment_id }) => payment_id === id).map((event) => event.round);
    if (rounds.length !== round)
      complain('not one event for each round', notes, `${round}: ${rounds.join(', ')}`);
  }
  for (const { key, payment_id, status } of records.keys)
    if (payment_id === null && status === null) complain('key without an answer', key, 'is stored');
  const { begun, ended } = records.holds;
  const told = (action: string) => records.audited.filter((entry) => entry.action === action).length;
  if (told('hold.on') !== begun || told('hold.off') !== ended)
    complain('audit log differs', 'holds', `${begun}, ${ended}: ${told('hold.on')}, ${told('hold.off')}`);
  return found;
}

/** @returns the rule that the answer breaks by itself; null when it breaks none. */
function wrongAnswer(
  deed: Deed,
  {
    answer,
    deeds,
    isTroubled,
    lives,
  }: { answer: Answer; deeds: readonly Deed[]; isTroubled: boolean; lives: number },
): string | null {
  const { status, body } = answer;
  const { practice, key, about } = deed;
  const isForeign = about !== undefined && about.owner !== practice;
  switch (status) {
    case 200:
      return isForeign ? "another tenant's payment was touched" : null;
    case 404:
      return isForeign || deed.body.patient_mrn === 'MRN-3' ? null : 'not found what is there';
    case 409:
      if (body.code === 'invalid_state') return isForeign ? "another tenant's payment was shown" : null;
      // The key was found to be taken, and removed before it was looked up. The next request is accepted.
      return lives > 1 ? null : 'in flight although nothing is';
    case 422: {
      const sharing = deeds.filter((each) => each.key === key && each.practice === practice);
      return key !== null && sharing.length > 1 ? null : 'key was used by nobody else';
    }
    case 429:
      // The API works on a few decisions of one client at a time; the others wait some seconds.
      return isTroubled && deed.kind !== 'create' ? null : 'refused for no reason';
    case 500:
      return deed.body.notes === IMPOSSIBLE ? null : 'a fault of ours';
    case 503:
      return isTroubled ? null : 'not available for no reason';
    default:
      return 'unexpected answer';
  }
}

type Checking = {
  clients: Clients;
  lives: number;
  complain(rule: string, about: string, detail: string): void;
};

function checkCreates({ payments }: Records, { clients, lives, complain }: Checking): void {
  const { deeds, answered } = clients;
  const creates = deeds.filter(({ kind }) => kind === 'create');
  for (const { id, user_id, notes } of payments) {
    const its = creates.filter(({ name, practice }) => name === notes && practice.userId === user_id);
    if (its.length === 0) complain('payment that nobody asked for', notes, id);
  }
  const ofKeys = new Map<string, Set<string>>();
  for (const { deed, answer } of answered) {
    if (deed.kind !== 'create' || answer.status !== 200) continue;
    const { payment_id: id, job_id: job } = answer.body;
    const stored = payments.find((payment) => payment.id === paymentIdToUuid(String(id)));
    if (stored === undefined) complain('answered payment is not there', deed.name, String(id));
    else if (stored.notes !== deed.name || stored.job_id !== job || stored.user_id !== deed.practice.userId)
      complain('answer names another payment', deed.name, `${stored.notes}, job ${stored.job_id}`);
    if (deed.key === null) continue;
    const owner = `${deed.practice.userId} ${deed.key}`;
    ofKeys.set(owner, (ofKeys.get(owner) ?? new Set()).add(String(id)));
  }
  for (const [owner, ids] of ofKeys)
    if (ids.size > lives) complain('one key, two payments', owner, [...ids].join(', '));
  for (const deed of creates) {
    const its = payments.filter(({ notes }) => notes === deed.name);
    const most = deed.key === null ? 1 : lives;
    if (its.length > most) complain('one request, two payments', deed.name, String(its.length));
    const isCertain = deed.lost === 0 && deed.open === 0;
    if (isCertain && its.length > 0 && !deed.answers.some(({ status }) => status === 200))
      complain('refused payment is there', deed.name, String(deed.answers[0]?.status));
  }
}

function checkDecisions(
  { payments, events, transitions, audited }: Records,
  { clients, lives, complain }: Checking,
): void {
  const { deeds, answered } = clients;
  for (const { id, notes } of payments) {
    const subject = `payment:${id.replaceAll('-', '')}`;
    const told = (action: string) =>
      audited.filter((entry) => entry.action === action && entry.subject === subject).map(({ tx }) => tx);
    const did = (from: string) =>
      transitions.filter((each) => each.payment_id === id && each.from === from).map(({ tx }) => tx);
    for (const [action, from] of [
      ['payment.retry', 'failed'],
      ['payment.resolve', 'needs_review'],
    ] as const)
      if (told(action).join() !== did(from).join())
        complain('audit log differs', notes, `${action}: ${told(action).length} of ${did(from).length}`);
    const its = answered.filter(
      ({ deed }) => deed.about !== undefined && paymentIdToUuid(deed.about.paymentId) === id,
    );
    for (const [kind, from] of [
      ['retry', 'failed'],
      ['resolve', 'needs_review'],
    ] as const) {
      const done = its.filter(({ deed, answer }) => deed.kind === kind && isOf(deed, answer));
      const requests = new Set(done.map(({ deed }) => requestOf(deed)));
      if (requests.size > did(from).length)
        complain('answered decision is not there', notes, `${kind}: ${requests.size} of ${did(from).length}`);
    }
  }
  for (const deed of deeds) {
    if (deed.kind !== 'resolve') continue;
    const effects = audited.filter(({ action, note }) => action === 'payment.resolve' && note === deed.name);
    if (effects.length > lives) complain('one decision, two effects', deed.name, String(effects.length));
    if (deed.about?.owner !== deed.practice && effects.length > 0)
      complain("another tenant's payment was touched", deed.name, String(effects.length));
    const type = deed.body.outcome === 'posted' ? 'payment.created' : 'payment.failed';
    for (const { tx } of effects) {
      const event = events.find((each) => each.tx === tx);
      // The finding is about what the person has seen, where it says what that was.
      if (deed.body.event_id !== null && event?.round !== (deed.about?.round ?? 0) + 1)
        complain('decision about a later review', deed.name, `round ${event?.round}`);
      if (event?.type !== type) complain('decision has another event', deed.name, String(event?.type));
    }
    for (const { status, body } of deed.answers) {
      if (status !== 200) continue;
      const { event_id: id } = body.data as { event_id: string };
      const event = events.find((each) => each.id === id);
      if (!effects.some(({ tx }) => tx === event?.tx))
        complain('answered decision is not there', deed.name, id);
    }
  }
}
