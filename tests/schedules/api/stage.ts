import { randomBytes } from 'node:crypto';
import { type ApiProcess, buildAppOf } from '@emr-payments/api/testing';
import { openDatabase } from '@emr-payments/db';
import { createPractice, type Practice } from '@emr-payments/db/testing';
import { hashSecret, type Logger, parseKeyring } from '@emr-payments/runtime';
import { Client } from 'pg';
import { watchTransitions } from '../../crash/transitions.ts';
import { NUMBERS, OWN_TIME } from '../sessions.ts';
import { type Connections, openConnections } from './connections.ts';

/** Where a process of the API runs: its app, which is built once. */
export type Slot = { app: Awaited<ReturnType<typeof buildAppOf>>; present: ApiProcess };

/** Where schedules of the API are played, one after the other. */
export type ApiStage = {
  readonly connections: Connections;
  readonly slots: readonly Slot[];
  /** Two users of one client, and a user of another one. */
  readonly practices: readonly Practice[];
  /** Runs a statement as the owner of the tables, outside of what is played. */
  readonly ask: Client['query'];
  /** True while such a statement runs. */
  isAsking(): boolean;
  /** The last entry of the audit log before the schedule: nobody can remove one. */
  lastAudited: number;
  /** What the log gets. */
  logger: Logger;
  clear(): Promise<void>;
  close(): Promise<void>;
};

const CLEAR = `
  BEGIN;
  SET LOCAL session_replication_role = replica;
  DELETE FROM jobs; DELETE FROM events; DELETE FROM posting_attempts; DELETE FROM payments; DELETE FROM idempotency_keys;
  DELETE FROM holds; DELETE FROM patient_lookups; DELETE FROM crash.transitions;
  DELETE FROM patients WHERE mrn = 'MRN-3';
  UPDATE patients SET emr_patient_id = 'p1' WHERE mrn = 'MRN-1';
  COMMIT`;

const PARTITIONS = `
  SELECT inhrelid::regclass::text AS name FROM pg_inherits JOIN pg_class ON oid = inhparent WHERE relkind = 'p' ORDER BY 1`;

/** Keys are as old as the schedule says. */
const KEYS_OF_THE_SCHEDULE = 'ALTER TABLE idempotency_keys ALTER created_at SET DEFAULT played.now()';

/**
 * @param input.url of a database with the schema and without rows, for the owner of its tables.
 * @param input.appUrl the same, for the service.
 */
export async function openApiStage(input: { url: string; appUrl: string }): Promise<ApiStage> {
  const database = openDatabase({ url: input.url, poolSize: 2, applicationName: 'schedules of the API' });
  const keyring = parseKeyring(`test:${randomBytes(32).toString('base64')}`);
  const connection = { settings: { lookup_patients: false } };
  const practices: Practice[] = [];
  try {
    await watchTransitions(input.url);
    await database.pool.query(OWN_TIME);
    await database.pool.query(KEYS_OF_THE_SCHEDULE);
    for (const name of ['one', 'its second user', 'another'])
      practices.push(await createPractice({ database, keyring }, { name, endpoint: null, connection }));
    const [one, second] = practices;
    if (one === undefined || second === undefined) throw new Error('there are no practices');
    const { clientPk, clientId, clientSecret } = one;
    Object.assign(second, { clientPk, clientId, clientSecret });
    const values = [clientPk, second.userId];
    await database.pool.query('UPDATE users SET client_pk = $1 WHERE id = $2', values);
  } finally {
    // Its pool has timers, which would run by the clock of a schedule.
    await database.close();
  }
  const owner = new Client({ connectionString: input.url, application_name: 'schedules', types: NUMBERS });
  await owner.connect();
  let asking = 0;
  const ask = (async (...asked: Parameters<Client['query']>) => {
    asking += 1;
    try {
      return await owner.query(...asked);
    } finally {
      asking -= 1;
    }
  }) as unknown as Client['query'];
  const connections = openConnections({ appUrl: input.appUrl, ask });
  const partitions = async () => (await ask<{ name: string }>(PARTITIONS)).rows.map(({ name }) => name);
  const known = await partitions();
  const stage: ApiStage = {
    connections,
    slots: [],
    practices,
    ask,
    lastAudited: 0,
    isAsking: () => asking > 0,
    logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    clear: async () => {
      await connections.clear();
      for (const name of await partitions()) if (!known.includes(name)) await ask(`DROP TABLE ${name}`);
      await ask(CLEAR);
      const { rows } = await ask<{ id: number | null }>('SELECT max(id) AS id FROM audit_log');
      stage.lastAudited = rows[0]?.id ?? 0;
    },
    async close() {
      await Promise.all(slots.map(({ app }) => app.close()));
      await connections.close();
      await owner.end();
    },
  };
  const lookup = {
    async findClient(clientId: string) {
      const its = practices.find((each) => each.clientId === clientId);
      return its === undefined
        ? null
        : { clientPk: its.clientPk, secretHashes: [hashSecret(its.clientSecret)] };
    },
    async findUser({ clientPk, tokenHash }: { clientPk: number; tokenHash: Buffer }) {
      const its = practices.find(
        (each) => each.clientPk === clientPk && hashSecret(each.accessToken).equals(tokenHash),
      );
      return its === undefined ? null : { userId: its.userId, publicId: its.publicId };
    },
  };
  const slots: Slot[] = [];
  for (const _ of ['a', 'b']) {
    const slot = { present: null } as unknown as Slot;
    slot.app = await buildAppOf({
      keyring,
      lookup,
      logger: {
        debug: () => undefined,
        info: () => undefined,
        warn: () => undefined,
        error: (...line) => stage.logger.error(...line),
      },
      present: () => slot.present,
    });
    slots.push(slot);
  }
  return Object.assign(stage, { slots });
}
