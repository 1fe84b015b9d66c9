import { isDeepStrictEqual } from 'node:util';
import { newUserId } from '@emr-payments/contracts';
import { hashSecret, type Keyring, newSecret, open, seal } from '@emr-payments/runtime';
import { type Actor, type AuditDetail, type AuditInput, SYSTEM } from '../audit/entry.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { type Bucket, ensureBucket, setBucket } from '../buckets/bucket.ts';
import type { Database } from '../core/database.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { inTransaction, type Transaction } from '../core/transaction.ts';
import type { Prisma } from '../generated/client.ts';
import { healthAfterSave } from '../health/health-after-save.ts';
import { lockUser } from '../locks/parent-rows.ts';
import { forgetNoes } from '../lookups/forget-noes.ts';
import { leaveRestoredDoubts } from '../restore/leave-doubts.ts';
import type { NewUser } from './create-user.ts';
import { type ForgottenPatients, forgetFoundPatients } from './forget-patients.ts';
import {
  type ConnectionRow,
  findConnectionToSave,
  isAsStored,
  type StoredConnection,
  writeConnection,
} from './write-connection.ts';

/** Everything that reaching an EMR needs. */
export type ConnectionSetup = {
  /** Name of the adapter in packages/emr. */
  adapter: string;
  baseUrl: string;
  /** In clear here; stored sealed, bound to this user's row. */
  credentials: Readonly<Record<string, string>>;
  /** Adapter-specific, not secret: those that the operator gave, and those that were read from the EMR. */
  settings?: Prisma.InputJsonObject;
  /** Where the latter come from. Absent: nothing is known of it, and all settings count as given. */
  capability?: StoredCapability;
  /** IANA name, such as America/New_York. It decides what "today" is for `deposit_date`. */
  timeZone: string;
  /** Posting calls to this EMR at once, over all workers. */
  concurrency: number;
  ratePerSecond?: number | undefined;
  /** The vendor's limit of requests, as the adapter names it. Absent or null: it names none. */
  bucket?: Bucket | null;
  /**
   * True: an operator has said the limit, so its windows hold from now on for all connections that share it. Without it they hold only
   * where none are stored yet.
   */
  setsLimit?: boolean;
  /**
   * True: the integrator gets the EMR's own words, which can name a patient. Without a value it stays as it is, at first false.
   */
  shareEmrText?: boolean | undefined;
  /**
   * True: an address of the connection was chosen by somebody else than an operator, so every request of it passes the address guard.
   * Without a value it is false.
   */
  guarded?: boolean;
  /** True: the EMR has just answered with these credentials. It ends an outage of the connection. */
  checked?: boolean | undefined;
  /**
   * True: an MRN may be another patient over this connection than over the former one. What look-ups and syncs have found over that one is
   * forgotten, and the user put on hold when payments wait (`forgetFoundPatients`).
   */
  otherPatients?: boolean | undefined;
};

/** The EMR's statement about itself, as a check has read it. */
export type StoredCapability = {
  /** Settings of the connection that the operator did not give. A later check may change them. */
  settings: Readonly<Record<string, string | number | boolean>>;
  /** Facts for people, such as the version of the EMR. */
  statement: Readonly<Record<string, string | null>>;
  /** When this was read, in ISO 8601; null when nothing was, and the settings claim nothing. */
  read_at: string | null;
};

export type ConnectionInput = ConnectionSetup & { userId: number; by?: Actor };

/** Names the row that a connection's credentials are sealed for. */
export const connectionRow = (userId: number): string => `connection:${userId}`;

/** Opens the credentials of a stored connection. @throws Error when their key is missing, or they were altered. */
export function openCredentials(
  keyring: Keyring,
  { userId, credentials }: { userId: number; credentials: string | null },
): Record<string, string> {
  return credentials === null ? {} : JSON.parse(open(keyring, connectionRow(userId), credentials));
}

type Owned = { userId: number; bucketId: number | null };

function rowOf(keyring: Keyring, { userId, bucketId }: Owned, setup: ConnectionSetup): ConnectionRow {
  const { adapter, baseUrl, timeZone, concurrency } = setup;
  return {
    userId,
    adapter,
    baseUrl,
    timeZone,
    concurrency,
    settings: setup.settings ?? {},
    ratePerSecond: setup.ratePerSecond ?? null,
    bucketId,
    shareEmrText: setup.shareEmrText ?? null,
    guarded: setup.guarded ?? false,
    // One that was read for the former settings says nothing about these.
    capability: setup.capability ?? null,
    credentials: seal(keyring, connectionRow(userId), JSON.stringify(setup.credentials)),
  };
}

/** Writes the bucket of a connection that is to be saved. It commits by itself, before the connection is written (`setBucket`). */
export async function saveBucketOf(
  deps: StatementDeps,
  { bucket, setsLimit = false }: Pick<ConnectionSetup, 'bucket' | 'setsLimit'>,
): Promise<number | null> {
  if (bucket === undefined || bucket === null) return null;
  return setsLimit ? setBucket(deps, bucket) : ensureBucket(deps, bucket);
}

/** True when the stored credentials open, and are these. Those that no key opens are replaced. */
function holdsCredentials(
  keyring: Keyring,
  stored: StoredConnection,
  credentials: Readonly<Record<string, string>>,
): boolean {
  try {
    return isDeepStrictEqual(openCredentials(keyring, stored), { ...credentials });
  } catch {
    return false;
  }
}

/** The audit entry of a connection that is created or replaced. */
const connected = ({
  by,
  publicId,
  capability,
  shareEmrText,
  patients,
}: Pick<ConnectionSetup, 'shareEmrText' | 'capability'> & {
  by: Actor;
  publicId: string;
  patients?: ForgottenPatients | null;
}): AuditInput => {
  const detail: AuditDetail = {
    // The settings that were read from the EMR decide how a lost answer is resolved.
    ...capability?.settings,
    ...(shareEmrText === undefined ? {} : { share_emr_text: shareEmrText }),
    ...(patients == null ? {} : { patients_forgotten: patients.forgotten }),
  };
  return {
    ...by,
    action: 'user.connect',
    subject: `user:${publicId}`,
    outcome: 'done',
    ...(Object.keys(detail).length === 0 ? {} : { detail }),
  };
};

/** The detail of a save with the values that are stored: it let a rejected login be tried again. */
const RELEASED: AuditDetail = { changed: false, login_tried_again: true };

/** A connection whose bucket is written (`saveBucketOf`). */
type Prepared = ConnectionSetup & { bucketId: number | null };

/** Does what `saveConnection` does, in a transaction of the caller. `patients`: null when none was forgotten or had to be. */
export async function saveConnectionIn(
  { keyring, ...tx }: Transaction & { keyring: Keyring },
  { userId, by = SYSTEM, bucketId, ...setup }: Prepared & { userId: number; by?: Actor },
): Promise<{
  laneId: number;
  written: boolean;
  healthChanged: boolean;
  patients: ForgottenPatients | null;
}> {
  const row = rowOf(keyring, { userId, bucketId }, setup);
  const user = await lockUser(tx as Transaction, { userId });
  if (user === null) throw new Error(`there is no user ${userId}`);
  // A person who saves the connection wants a new answer of the EMR, also when the connection stays as it is.
  await forgetNoes(tx, { userId });
  const stored = await findConnectionToSave(tx as Transaction, { userId });
  const checked = setup.checked === true;
  if (stored !== null && isAsStored(stored, row) && holdsCredentials(keyring, stored, setup.credentials)) {
    // The same credentials may be good again: a person who saves them wants them tried.
    const { changed, released } = await healthAfterSave(tx as Transaction, {
      userId,
      checked,
      written: false,
    });
    if (released) await recordAudit(tx, { ...connected({ by, publicId: user.publicId }), detail: RELEASED });
    return { laneId: stored.laneId, written: false, healthChanged: changed, patients: null };
  }
  const { laneId } = await writeConnection(tx as Transaction, row);
  let patients: ForgottenPatients | null = null;
  if (stored !== null && setup.otherPatients === true) {
    patients = await forgetFoundPatients(tx as Transaction, { userId, publicId: user.publicId, by });
    await leaveRestoredDoubts(tx as Transaction, { userId });
  }
  const { changed: healthChanged } = await healthAfterSave(tx as Transaction, {
    userId,
    checked,
    written: true,
  });
  await recordAudit(tx, connected({ ...setup, by, publicId: user.publicId, patients }));
  return { laneId, written: true, healthChanged, patients };
}

/**
 * Creates a user's connection on the first call and replaces it on later ones, under a lock on the user. Work under way is not
 * disturbed. One that is stored already with the same values is left alone: nothing is written, not in the audit log either, unless that
 * lets a rejected login be tried again.
 */
export async function saveConnection(
  { database, keyring }: { database: Pick<Database, 'pool'>; keyring: Keyring },
  input: ConnectionInput,
): Promise<{ laneId: number; written: boolean }> {
  const bucketId = await saveBucketOf({ database }, input);
  return inTransaction({ database }, async (tx) => {
    const value = await saveConnectionIn({ ...tx, keyring }, { ...input, bucketId });
    // Also one that is as it was: remembered answers are void.
    return { commit: true, value };
  });
}

/** The id is needed before the row is written: the credentials are sealed for the row of that id. */
const NEXT_USER_ID = {
  name: 'next-user-id',
  text: `SELECT nextval(pg_get_serial_sequence('users', 'id'))::int AS id`,
};

const CREATE_USER = {
  name: 'create-user-with-token',
  text: `
    WITH new_user AS (INSERT INTO users (id, public_id, name, client_pk) VALUES ($1, $2, $3, $4) RETURNING id)
    INSERT INTO access_tokens (user_id, token_hash) SELECT id, $5 FROM new_user`,
};

type NewConnectedUser = { clientPk: number; name: string; by: Actor };

/** Does what `connectUser` does, in a transaction of the caller. */
export async function connectUserIn(
  { keyring, ...tx }: Transaction & { keyring: Keyring },
  { clientPk, name, by, bucketId, ...setup }: Prepared & NewConnectedUser,
): Promise<NewUser> {
  const accessToken = newSecret('at_');
  const publicId = newUserId();
  const [next] = await query<{ id: number }>(tx, NEXT_USER_ID, []);
  if (next === undefined) throw new Error('the sequence of users gave no id');
  const userId = next.id;
  await query(tx, CREATE_USER, [userId, publicId, name, clientPk, hashSecret(accessToken)]);
  await writeConnection(tx as Transaction, rowOf(keyring, { userId, bucketId }, setup));
  await recordAudit(tx, connected({ ...setup, by, publicId }));
  return { userId, publicId, accessToken };
}

/** Creates a practice login together with its connection, all or nothing. */
export async function connectUser(
  { database, keyring }: { database: Pick<Database, 'pool'>; keyring: Keyring },
  input: ConnectionSetup & NewConnectedUser,
): Promise<NewUser> {
  const bucketId = await saveBucketOf({ database }, input);
  return inTransaction({ database }, async (tx) => ({
    commit: true,
    value: await connectUserIn({ ...tx, keyring }, { ...input, bucketId }),
  }));
}

/** Checks that PostgreSQL knows a time zone: the accept statement computes today's date with it. */
export async function knowsTimeZone(
  { database }: { database: Pick<Database, 'prisma'> },
  { timeZone }: { timeZone: string },
): Promise<boolean> {
  const rows = await database.prisma.$queryRaw<unknown[]>`
    SELECT 1 FROM pg_timezone_names WHERE name = ${timeZone}`;
  return rows.length > 0;
}
