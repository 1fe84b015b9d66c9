import { newEventId } from '@emr-payments/contracts';
import {
  pruneBatch,
  publishEvent,
  registerEndpointIn,
  type Transaction,
  takeRecoveryTurn,
} from '@emr-payments/db';
import { newWebhookSecret } from '@emr-payments/webhooks';
import { deliverWebhook } from '@emr-payments/worker/testing';
import type { Random } from '../../crash/random.ts';
import type { Choice } from '../border.ts';
import { lastOfAudit } from '../delivery-log.ts';
import { holdDatabase, type World } from '../held-database.ts';
import type { Course, Part } from '../part.ts';
import type { Stage } from '../stage.ts';
import { LEASE_MS } from '../workers.ts';
import { createIntegrator, type Endpoint, urlOf } from './people.ts';
import { createReceivers, type Temper } from './receivers.ts';
import { check } from './rules.ts';
import { DELIVERY_SABOTAGES, type DeliverySabotageName } from './sabotages.ts';

/** The least that an operator can have events kept for. */
const KEPT_DAYS = 4;
const TYPES = ['payment.created', 'payment.failed'] as const;
const MINUTE = 60_000;

type Made = {
  endpoints: (Endpoint & { temper: Temper; cap: number })[];
  mostEvents: number;
  audited: string;
};

async function register({ sessions, integrator, keyring }: Stage, random: Random): Promise<Made> {
  const endpoints: Made['endpoints'] = [];
  const mostEvents = random.between(1, 5);
  for (const name of ['A', 'B', 'C'].slice(0, random.between(1, 3))) {
    const cap = random.between(1, 2);
    const registered = await registerEndpointIn(
      { database: { pool: { query: sessions.ask } }, keyring } as unknown as Transaction & {
        keyring: typeof keyring;
      },
      {
        clientPk: integrator.clientPk,
        url: urlOf(name, 1),
        secret: newWebhookSecret(),
        eventTypes: random.pick([[], [], ['payment.created']]),
        concurrency: cap,
      },
    );
    if (registered.outcome !== 'registered') throw new Error(registered.outcome);
    // Each attempt at one that never answers has a round of its own.
    const mayBeDead = mostEvents <= 2 && !endpoints.some((each) => each.temper === 'dead');
    const temper = random.pick([
      'well',
      'well',
      'well',
      'ill',
      'ill',
      'down',
      'down',
      mayBeDead ? 'dead' : 'well',
    ] as const);
    endpoints.push({ name, id: registered.endpointId, temper, cap });
  }
  return { endpoints, mostEvents, audited: await lastOfAudit(sessions) };
}

/** Events from the moment they are published until each endpoint has them, or will not get them. */
export const DELIVERY: Part<DeliverySabotageName> = {
  sabotages: DELIVERY_SABOTAGES,
  async prepare(stage, random) {
    const made = await register(stage, random);
    return (world, again) => begin(world, stage, { ...made, random: again });
  },
};

function begin(
  world: World,
  { integrator: { clientPk, userId }, keyring }: Stage,
  { endpoints, mostEvents, audited, random }: Made & { random: Random },
): Course {
  const { border, clock, sessions, mood } = world;
  const events: { id: string; name: string }[] = [];
  const disabled: string[] = [];
  const beganAt = clock.now();
  let isResting = false;

  const nameOfEvent = (id: string) => {
    const known = events.find((event) => event.id === id);
    if (known !== undefined) return known.name;
    if (!disabled.includes(id)) disabled.push(id);
    return `disabled ${disabled.indexOf(id) + 1}`;
  };
  const endpointAt = (url: string) =>
    endpoints.find(({ name }) => new URL(url).host === `${name.toLowerCase()}.example`);
  const temperOf = (url: string): Temper => {
    const { temper = 'well' } = endpointAt(url) ?? {};
    return isResting && temper !== 'dead' ? 'well' : temper;
  };
  const receivers = createReceivers(world, {
    temperOf,
    nameOf: ({ eventId, url }) => `${nameOfEvent(eventId)}→${endpointAt(url)?.name}`,
  });
  const people = createIntegrator(world, { clientPk, keyring, endpoints, events });

  const jobs = new Map<string, string>();
  let lastJob = 0;

  function publish(): void {
    const type = random.pick(TYPES);
    const fresh = newEventId();
    // As version 0.1.0 made them: an old one is removed by itself, and with no partition.
    const id = random.next() < 0.3 ? `evt_z${fresh.slice(5)}` : fresh;
    const name = `#${events.length + 1}`;
    events.push({ id, name });
    const actor = { name: 'the service', alive: true, frozen: false };
    const database = holdDatabase(world, { actor, task: `${name} of ${type}` });
    const event = { id, type, created: new Date(clock.now()).toISOString(), data: {} };
    void publishEvent({ database } as unknown as Transaction, { clientPk, userId, event }).catch(
      () => undefined,
    );
  }

  const toPublish = (): Choice => ({
    label: 'an event',
    weight: events.length < mostEvents ? 3 : 0,
    happen: publish,
  });

  return {
    work: {
      kinds: ['deliver_webhook'],
      horizonMs: LEASE_MS,
      nameOfJob: (jobId) => jobs.get(jobId) ?? null,
      async readNames() {
        const { rows } = await sessions.ask<{ id: number; event_id: string; endpoint_id: string }>({
          name: 'new-jobs',
          text: `SELECT j.id::float8 AS id, j.event_id, d.endpoint_id FROM jobs j JOIN deliveries d ON d.event_id = j.event_id AND d.id = j.delivery_id
                  WHERE j.id > $1 ORDER BY j.id`,
          values: [lastJob],
        });
        for (const { id, event_id, endpoint_id } of rows) {
          lastJob = id;
          jobs.set(
            String(id),
            `${nameOfEvent(event_id)}→${endpoints.find((each) => each.id === endpoint_id)?.name}`,
          );
        }
      },
      adapters: () => ({ of: () => Promise.reject(new Error('nothing is posted')) as never }),
      run: (deps, entry, actor) =>
        deliverWebhook(
          { ...deps, send: receivers.sender({ actor, ...entry, fence: entry.fence + 1 }) },
          entry,
        ),
      loops: [
        { name: 'takes a turn of a recovery', isDue: () => people.hasRecovered(), run: takeRecoveryTurn },
        {
          name: 'removes old events',
          isDue: () => clock.now() > beganAt + KEPT_DAYS * 24 * 60 * MINUTE,
          run: (deps) => pruneBatch(deps, { what: 'events', days: KEPT_DAYS }),
        },
      ],
    },
    passes: () => [
      1_000,
      LEASE_MS / 2,
      LEASE_MS + 1_000,
      ...(border.waiting.size === 0 ? [6 * MINUTE, 180 * MINUTE, 1_800 * MINUTE] : []),
    ],
    choices: () => [toPublish(), ...people.choices()],
    mayGoOn: () => mood.people > 0 || events.length < mostEvents,
    endCommands: async () => {
      isResting = true;
    },
    async isDone() {
      const asked = `SELECT FROM jobs UNION ALL SELECT FROM recoveries WHERE state = 'running' LIMIT 1`;
      return (await sessions.ask(asked)).rowCount === 0;
    },
    async restMs() {
      const { rows } = await sessions.ask<{ due: number | null }>(`
        SELECT extract(epoch FROM least(
                 (SELECT min(greatest(j.run_at, j.lease_until, j.queued_at + interval '6 seconds', l.open_until)) FROM jobs j JOIN lanes l ON l.id = j.lane_id),
                 (SELECT min(next_turn_at) FROM recoveries WHERE state = 'running' AND (total IS NULL OR NOT EXISTS (SELECT FROM jobs)))))::float8 * 1000 AS due`);
      return Math.max(1_000, Math.ceil((rows[0]?.due ?? 0) - clock.now()) + 1_000);
    },
    check: () => check(sessions, { endpoints, keyring, audited, requests: receivers.requests, nameOfEvent }),
  };
}
