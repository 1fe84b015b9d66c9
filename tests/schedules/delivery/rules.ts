import { type Keyring, open } from '@emr-payments/runtime';
import { delayBeforeAttempt, MAX_ATTEMPTS } from '@emr-payments/webhooks';
import {
  type AskedRow,
  type AttemptRow,
  type EndpointRow,
  type LogRow,
  readLog,
  type SecretRow,
} from '../delivery-log.ts';
import type { Violation } from '../part.ts';
import type { Sessions } from '../sessions.ts';
import { type Changed, type Delivery, type History, historyOf, isEnabled, seenAt, wants } from './history.ts';
import type { Endpoint } from './people.ts';
import type { Request } from './receivers.ts';

const DAY_MS = 24 * 3_600_000;
const FAILING_MS = 5 * DAY_MS;
const FAILING_ATTEMPTS = 10;

type Played = {
  endpoints: readonly (Endpoint & { cap: number })[];
  keyring: Keyring;
  /** The last entry of the audit log from before the schedule. */
  audited: string;
  requests: readonly Request[];
  nameOfEvent(id: string): string;
};

type Checked = Played & {
  history: History;
  asked: readonly AskedRow[];
  log: readonly LogRow[];
  complain(rule: string, about: string, detail: unknown): void;
};

/** Checks the rules of deliveries after everything has come to rest. */
export async function check(sessions: Pick<Sessions, 'ask'>, played: Played): Promise<Violation[]> {
  const { log, asked } = await readLog(sessions, played);
  const found: Violation[] = [];
  const complain = (rule: string, about: string, detail: unknown) =>
    void found.push({ rule, about, detail: `${detail}` });
  const checked = { ...played, history: historyOf(log), asked, log, complain };
  for (const delivery of checked.history.deliveries.values()) checkDelivery(checked, delivery);
  for (const request of played.requests) checkRequest(checked, request);
  for (const endpoint of played.endpoints) checkEndpoint(checked, endpoint);
  checkPublished(checked);
  await checkRest(sessions, checked);
  return found;
}

const nameOf = ({ endpoints, nameOfEvent }: Played, { eventId, endpointId }: Delivery) =>
  `${nameOfEvent(eventId)}→${endpoints.find(({ id }) => id === endpointId)?.name}`;

const endpointOf = ({ history }: Checked, endpointId: string) => history.endpoints.get(endpointId) ?? [];

const timeOf = (text: string): number => new Date(text).getTime();

/** The attempts of a delivery since it last became pending, up to a time. */
function attemptsOfRun({ changes, attempts }: Delivery, until: number): Changed<AttemptRow>[] {
  const since = changes.filter(({ at, is }) => at <= until && is.status === 'pending').at(-1)?.at ?? 0;
  return attempts.filter(({ at }) => at > since && at <= until);
}

function isAsked({ asked }: Checked, { eventId, endpointId }: Delivery, at: number): boolean {
  return asked.some(
    (each) =>
      each.at === at &&
      each.action === 'event.redeliver' &&
      each.subject === `event:${eventId}` &&
      (each.endpoint_id === null || each.endpoint_id === endpointId),
  );
}

function checkDelivery(checked: Checked, delivery: Delivery): void {
  const { complain } = checked;
  const { changes, attempts, removed, endpointId } = delivery;
  const about = nameOf(checked, delivery);
  const last = changes.at(-1)?.is.status;
  if (last === 'pending') complain('delivery is stuck', about, removed === null ? 'pending' : 'removed');
  for (const { at, is } of changes) {
    const from = is.before?.status;
    const endpoints = seenAt(endpointOf(checked, endpointId), at);
    const ended = attempts.find((attempt) => attempt.at === at);
    if (from !== undefined && from !== 'pending' && is.status === 'pending') {
      const isRecovered = from !== 'delivered' && is.recovery_id !== null;
      if (!isRecovered && !isAsked(checked, delivery, at))
        complain('sent again unasked', about, `after ${from}`);
    }
    if (
      from === 'pending' &&
      is.status === 'delivered' &&
      (ended === undefined || ended.is.error_kind !== null)
    )
      complain('delivered without a 2xx', about, ended?.is.error_kind);
    if (is.status === 'canceled' && endpoints.every(isEnabled))
      complain('canceled although its endpoint takes events', about, at);
    if (is.status === 'failed') checkFailed(checked, delivery, at);
  }
  attempts.forEach((attempt, n) => {
    const { number, started_at } = attempt.is;
    if (number !== n + 1) complain('attempts are not numbered', about, `${number} is the ${n + 1}th`);
    const before = attempts[n - 1];
    if (before !== undefined && timeOf(before.is.started_at) >= timeOf(started_at))
      complain('attempts are not in order', about, number);
    checkListed(checked, delivery, attempt);
    checkSchedule(checked, delivery, attempt);
  });
}

/** A delivery fails after the whole schedule, or when its endpoint wants nothing more. */
function checkFailed(checked: Checked, delivery: Delivery, at: number): void {
  const run = attemptsOfRun(delivery, at);
  const last = run.at(-1)?.is;
  const isOver = last?.http_status === 410 || last?.error_kind === 'address_refused';
  if (run.length < MAX_ATTEMPTS && !isOver)
    checked.complain('given up before its last attempt', nameOf(checked, delivery), `${run.length} attempts`);
}

const kindOf = ({ given }: Request) =>
  given?.outcome === 'failed' ? given.kind : given?.outcome === 'gone' ? 'http_status' : null;

const requestOf = (checked: Checked, { eventId, endpointId }: Delivery, is: AttemptRow) =>
  checked.requests.find(
    (request) =>
      request.eventId === eventId &&
      request.at === timeOf(is.started_at) &&
      isTo(checked, request, endpointId),
  );

function isTo({ endpoints }: Played, { url }: Request, endpointId: string): boolean {
  const name = endpoints.find(({ id }) => id === endpointId)?.name ?? '';
  return new URL(url).host === `${name.toLowerCase()}.example`;
}

/** An attempt that is listed was made, and ended as it says. */
function checkListed(checked: Checked, delivery: Delivery, { is }: Changed<AttemptRow>): void {
  const about = nameOf(checked, delivery);
  const request = requestOf(checked, delivery, is);
  if (request === undefined) {
    checked.complain('listed attempt was not made', about, is.number);
    return;
  }
  const { given } = request;
  if (kindOf(request) !== is.error_kind || (given?.httpStatus ?? null) !== is.http_status)
    checked.complain('listed attempt ended otherwise', about, `${is.number}: ${given?.outcome}`);
}

/** The next attempt is not earlier than the schedule and `Retry-After` say, unless it was asked for, or the endpoint has moved. */
function checkSchedule(checked: Checked, delivery: Delivery, attempt: Changed<AttemptRow>): void {
  const run = attemptsOfRun(delivery, attempt.at);
  const before = run.at(-2);
  if (run.at(-1) !== attempt || before === undefined) return;
  const began = timeOf(attempt.is.started_at);
  const moves = endpointOf(checked, delivery.endpointId).filter(
    ({ is }) => is.before && is.before.url !== is.url,
  );
  const asOf = moves.filter(({ at }) => at <= began).at(-1)?.at ?? 0;
  if (asOf >= timeOf(before.is.started_at)) return;
  const tries = run.filter(({ is }) => timeOf(is.started_at) > asOf && timeOf(is.started_at) < began).length;
  const given = requestOf(checked, delivery, before.is)?.given;
  const retryAfterMs = given?.outcome === 'failed' ? given.retryAfterMs : undefined;
  const delayMs = delayBeforeAttempt({ random: () => 0 }, { attempt: tries + 1, retryAfterMs }) ?? 0;
  if (began < before.at + delayMs)
    checked.complain('sent too early', nameOf(checked, delivery), `${began - before.at} of ${delayMs} ms`);
}

function checkRequest(checked: Checked, request: Request): void {
  const { history, endpoints, nameOfEvent, complain } = checked;
  const { eventId, url, job, fence, at, actor, given } = request;
  const endpoint = endpoints.find(({ id }) => isTo(checked, request, id));
  if (endpoint === undefined) {
    complain('sent to no endpoint', nameOfEvent(eventId), url);
    return;
  }
  const about = `${nameOfEvent(eventId)}→${endpoint.name}`;
  const steps = history.jobs.get(job) ?? [];
  const claim = steps.findIndex((step) => step.what === 'claimed' && step.is.fence === fence);
  const claimed = steps[claim];
  if (claimed === undefined) {
    complain('sent without a claim', about, `fence ${fence}`);
    return;
  }

  const states = seenAt(endpointOf(checked, endpoint.id), claimed.at);
  if (!states.some(isEnabled)) complain('sent to an endpoint that takes no events', about, claimed.at);
  if (!states.some(({ is }) => is.url === url)) complain('sent to another URL', about, url);
  const delivery = [...history.deliveries.values()].find(
    (each) => each.eventId === eventId && each.endpointId === endpoint.id,
  );
  const known = delivery === undefined ? [] : seenAt(delivery.changes, claimed.at);
  if (!known.some(({ is }) => is.status === 'pending'))
    complain(
      'sent although it had ended',
      about,
      known.map(({ is }) => is.status),
    );
  if (request.body !== history.events.get(eventId)?.is.body)
    complain('sent with another body', about, request.body);
  if (!secretsAt(checked, endpoint.id, claimed.at).some((secrets) => request.isSignedWith(secrets)))
    complain('not signed with the secrets of its time', about, claimed.at);

  if (given === null || !actor.alive || (given.outcome === 'failed' && given.kind === 'canceled')) return;
  const isListed = delivery?.attempts.some(({ is }) => timeOf(is.started_at) === at);
  // Whoever is no longer the holder records nothing: the next one does.
  const isLost = steps
    .slice(claim + 1)
    .some(
      ({ what, is }) =>
        (what === 'claimed' && is.fence === fence + 1) || (what === 'freed' && is.fence === fence),
    );
  if (!isListed && !isLost) complain('attempt is not listed', about, `${given.outcome} at ${at}`);
}

/** The secrets that could be read as valid at a time: each set that a claim may have seen. */
function secretsAt({ log, keyring }: Checked, endpointId: string, at: number): string[][] {
  const lives = new Map<string, Changed<SecretRow | null>[]>();
  for (const row of log) {
    if (row.what !== 'secret' && row.what !== 'secret removed') continue;
    if (row.data.endpoint_id !== endpointId) continue;
    const life = lives.get(row.id) ?? [];
    lives.set(row.id, life);
    life.push({ at: row.at, is: row.what === 'secret' ? row.data : null });
  }
  const validBy = (isSeen: (row: Changed<unknown>) => boolean) =>
    [...lives].flatMap(([id, life]) => {
      const row = life.filter(isSeen).at(-1)?.is ?? null;
      const isOver = row?.expires_at != null && timeOf(row.expires_at) <= at;
      return row === null || isOver ? [] : [open(keyring, `webhook_secret:${id}`, row.sealed)];
    });
  return [validBy((row) => row.at < at), validBy((row) => row.at <= at)];
}

function checkEndpoint(checked: Checked, endpoint: Endpoint & { cap: number }): void {
  const { history, complain } = checked;
  const states = endpointOf(checked, endpoint.id);
  for (const state of states) {
    const { before } = state.is;
    if (before?.disabled_at === null && state.is.disabled_at !== null)
      checkDisabled(checked, endpoint, state);
  }
  const [first] = states;
  if (first === undefined) return;
  const inFlight = new Set<string>();
  for (const { what, job, at, is } of history.lanes.get(first.is.lane_id) ?? []) {
    if (what === 'freed' || what === 'ended') inFlight.delete(job);
    if (what !== 'fed') continue;
    inFlight.add(job);
    if (inFlight.size > endpoint.cap)
      complain('more in flight than its cap', endpoint.name, `${inFlight.size} at ${at}`);
    if (is.is_open) complain('fed while its circuit is open', endpoint.name, at);
  }
}

/** The attempts at an endpoint, in the order in which they were recorded. */
const attemptsAt = ({ history }: Checked, endpointId: string) =>
  [...history.deliveries.values()]
    .filter((delivery) => delivery.endpointId === endpointId)
    .flatMap((delivery) => delivery.attempts.map((attempt) => ({ ...attempt, delivery })))
    .sort((one, other) => one.at - other.at);

/** An endpoint is disabled by its rule and no other, and the others are told once. */
function checkDisabled(checked: Checked, { id, name }: Endpoint, { at, is }: Changed<EndpointRow>): void {
  const { complain, asked, history } = checked;
  const attempts = attemptsAt(checked, id).filter((attempt) => attempt.at <= at);
  const now = attempts.filter((attempt) => attempt.at === at);
  const isOfRule: Readonly<Record<string, () => boolean>> = {
    gone: () => now.some((attempt) => attempt.is.http_status === 410 && isAtPresent(attempt)),
    address_refused: () =>
      now.some((attempt) => attempt.is.error_kind === 'address_refused' && isAtPresent(attempt)),
    failing: () => isFailing(checked, id, attempts),
    by_client: () =>
      asked.some(
        (each) => each.at === at && each.action === 'endpoint.change' && each.subject === `endpoint:${id}`,
      ),
  };
  const isAtPresent = ({ delivery, ...attempt }: (typeof attempts)[number]) =>
    requestOf(checked, delivery, attempt.is)?.url === is.url;
  const code = is.disabled_code ?? '';
  if (isOfRule[code]?.() !== true) complain('disabled against its rule', name, `${code} at ${at}`);
  if (code === 'by_client') return;
  const published = [...history.events.values()].filter(
    (event) => event.at === at && event.is.type === 'endpoint.disabled' && event.is.body.includes(id),
  );
  if (published.length !== 1) complain('not one event that it was disabled', name, published.length);
}

/** True after nothing but failures for five days, ten of them or more. */
function isFailing(checked: Checked, endpointId: string, attempts: ReturnType<typeof attemptsAt>): boolean {
  const states = endpointOf(checked, endpointId);
  const at = attempts.at(-1)?.at ?? 0;
  const isFresh = ({ is }: Changed<EndpointRow>) =>
    is.before !== undefined &&
    (is.before.url !== is.url || (is.before.disabled_at !== null && is.disabled_at === null));
  const fresh = states.filter((state) => isFresh(state) && state.at < at).at(-1)?.at ?? 0;
  const since = Math.max(fresh, attempts.filter(({ is }) => is.error_kind === null).at(-1)?.at ?? 0);
  const run = attempts.filter((attempt) => attempt.at > since);
  const first = run[0]?.at ?? at;
  return run.length >= FAILING_ATTEMPTS && at - first >= FAILING_MS;
}

/** Every endpoint that took an event's type when it was published has a delivery of it, and no other has. */
function checkPublished(checked: Checked): void {
  const { history, endpoints, nameOfEvent, complain } = checked;
  for (const [eventId, { at, is }] of history.events) {
    for (const { id, name } of endpoints) {
      const about = `${nameOfEvent(eventId)}→${name}`;
      const states = seenAt(endpointOf(checked, id), at).map(
        (state) => isEnabled(state) && wants(state, is.type),
      );
      const has = [...history.deliveries.values()].some(
        (each) => each.eventId === eventId && each.endpointId === id && each.changes[0]?.at === at,
      );
      if (states.every(Boolean) && !has) complain('event without a delivery', about, is.type);
      if (!states.some(Boolean) && has) complain('delivery that nobody wants', about, is.type);
    }
  }
}

/** A recovery has made a delivery of each event of its period that its endpoint had none of, and wants. */
function checkFound(
  { history, log, nameOfEvent, complain }: Checked,
  {
    endpointId,
    name,
    since,
    startedAt,
  }: { endpointId: string; name: string; since: number; startedAt: number },
): void {
  const states = history.endpoints.get(endpointId) ?? [];
  const read = [...seenAt(states, startedAt), ...states.filter(({ at }) => at > startedAt)];
  for (const [eventId, { at, is }] of history.events) {
    if (at < since || at >= startedAt || !read.every((state) => wants(state, is.type))) continue;
    if (log.some(({ what, id }) => what === 'event removed' && id === eventId)) continue;
    const deliveries = [...history.deliveries.values()];
    if (!deliveries.some((each) => each.eventId === eventId && each.endpointId === endpointId))
      complain('missed by a recovery', `${nameOfEvent(eventId)}→${name}`, 'no delivery');
  }
}

type RecoveryRow = {
  endpoint_id: string;
  state: string;
  since: Date;
  created_at: Date;
  found: number;
  ended: number;
};

/** Nothing is left to do, and what a recovery was to send was sent. */
async function checkRest({ ask }: Pick<Sessions, 'ask'>, checked: Checked): Promise<void> {
  const { complain, history, endpoints } = checked;
  const jobs = await ask<{ id: string }>('SELECT id::text FROM jobs');
  for (const { id } of jobs.rows) complain('job is stuck', id, 'still there');
  const { rows } = await ask<RecoveryRow>(
    'SELECT endpoint_id, state, since, created_at, found, delivered + failed AS ended FROM recoveries',
  );
  for (const { endpoint_id: endpointId, state, since, created_at: startedAt, found, ended } of rows) {
    const name = endpoints.find(({ id }) => id === endpointId)?.name ?? '';
    if (state === 'running') complain('recovery is stuck', name, `${ended} of ${found}`);
    if (ended > found) complain('recovery has counted too much', name, `${ended} of ${found}`);
    if (state !== 'done') continue;
    checkFound(checked, { endpointId, name, since: since.getTime(), startedAt: startedAt.getTime() });
    for (const delivery of history.deliveries.values()) {
      const publishedAt = history.events.get(delivery.eventId)?.at ?? 0;
      if (
        delivery.endpointId !== endpointId ||
        publishedAt < since.getTime() ||
        publishedAt >= startedAt.getTime()
      )
        continue;
      const last = delivery.changes.at(-1);
      if (
        delivery.removed === null &&
        last?.is.status !== 'delivered' &&
        (last?.at ?? 0) < startedAt.getTime()
      )
        complain('missed by a recovery', nameOf(checked, delivery), last?.is.status);
    }
  }
}
