import { randomBytes } from 'node:crypto';
import { type Acceptor, createAcceptor, openDatabase, type Statements } from '@emr-payments/db';
import { createPractice, type Practice } from '@emr-payments/db/testing';
import { type Keyring, parseKeyring } from '@emr-payments/runtime';
import { openWorkerShared, type WorkerShared } from '@emr-payments/worker/testing';
import { watchTransitions } from '../crash/transitions.ts';
import { CLEAR_DELIVERIES, DELIVERY_LOG } from './delivery-log.ts';
import { EMR_KINDS, type EmrKind } from './emr-kinds.ts';
import { OWN_TIME, openSessions, type Sessions } from './sessions.ts';

/** Where schedules are played, one after the other: a database with a practice for each kind of EMR, and one whose client gets webhooks. */
export type Stage = {
  readonly sessions: Sessions;
  readonly acceptor: Acceptor;
  readonly shared: WorkerShared;
  readonly practices: readonly { kind: EmrKind; practice: Practice }[];
  readonly integrator: Practice;
  readonly keyring: Keyring;
  /** Removes what the last schedule has left. */
  clear(): Promise<void>;
  close(): Promise<void>;
};

/** Triggers and foreign keys would forbid it for some of the tables: a replica's session passes over them. */
const CLEAR = `
  BEGIN;
  SET LOCAL session_replication_role = replica;
  DELETE FROM jobs; DELETE FROM events; DELETE FROM posting_attempts; DELETE FROM payments;
  ${CLEAR_DELIVERIES}
  DELETE FROM connection_states; DELETE FROM holds; DELETE FROM restores; DELETE FROM crash.transitions;
  UPDATE lanes SET failures = 0, open_until = NULL, next_slot = NULL, turn_at = NULL;
  COMMIT`;

/**
 * @param input.url of a database with the schema and without rows, for the owner of its tables.
 * @param input.appUrl the same, for the service.
 */
export async function openStage(input: { url: string; appUrl: string }): Promise<Stage> {
  const database = openDatabase({ url: input.url, poolSize: 2, applicationName: 'schedules' });
  const keyring = parseKeyring(`test:${randomBytes(32).toString('base64')}`);
  const practices: { kind: EmrKind; practice: Practice }[] = [];
  let integrator: Practice;
  try {
    await watchTransitions(input.url);
    await database.pool.query(OWN_TIME);
    await database.pool.query(DELIVERY_LOG);
    const create = (name: string) => createPractice({ database, keyring }, { name, endpoint: null });
    for (const kind of EMR_KINDS) practices.push({ kind, practice: await create(kind) });
    integrator = await create('integrator');
  } finally {
    // Its pool has timers, which would run by the clock of a schedule.
    await database.close();
  }
  const sessions = await openSessions(input);
  const asOwner = { pool: { query: sessions.ask } } as unknown as Statements;
  const shared = openWorkerShared({ database: asOwner as never, keyring });
  return {
    sessions,
    acceptor: createAcceptor({ database: asOwner }),
    shared,
    practices,
    integrator,
    keyring,
    clear: async () => void (await sessions.ask(CLEAR)),
    async close() {
      shared.close();
      await sessions.close();
    },
  };
}
