import type { ClientMode } from '@emr-payments/contracts';
import { query, type StatementDeps } from '../core/statements.ts';

/** A user's connection to its EMR, as it is stored. */
export type ConnectionRecord = {
  userId: number;
  /** The mode of the client whose user it is. */
  clientMode: ClientMode;
  adapter: string;
  baseUrl: string;
  /** Sealed, for the row `connectionRow(userId)`. */
  credentials: string | null;
  settings: Record<string, unknown>;
  timeZone: string;
  /** True: an address of it was chosen by somebody else than an operator. */
  guarded: boolean;
  /** Changes with every change of the connection; opened adapters are keyed by it. */
  version: string;
};

type Row = {
  user_id: number;
  client_mode: ClientMode;
  adapter: string;
  base_url: string;
  credentials: string | null;
  settings: Record<string, unknown>;
  time_zone: string;
  guarded: boolean;
  version: string;
};

const CONNECTION = `c.user_id, c.adapter, c.base_url, c.credentials, c.settings, c.time_zone, c.guarded, c.updated_at::text AS version,
           (SELECT mode FROM clients WHERE id = (SELECT client_pk FROM users WHERE id = c.user_id)) AS client_mode`;

function connectionOf(row: Row): ConnectionRecord {
  return {
    userId: row.user_id,
    clientMode: row.client_mode,
    adapter: row.adapter,
    baseUrl: row.base_url,
    credentials: row.credentials,
    settings: row.settings,
    timeZone: row.time_zone,
    guarded: row.guarded,
    version: row.version,
  };
}

const FIND = {
  name: 'find-connection',
  text: `SELECT ${CONNECTION} FROM connections c WHERE c.user_id = $1`,
};

/** Finds the connection of a user; null when it has none yet. */
export async function findConnection(
  deps: StatementDeps,
  { userId }: { userId: number },
): Promise<ConnectionRecord | null> {
  const [row] = await query<Row>(deps, FIND, [userId]);
  return row === undefined ? null : connectionOf(row);
}

const LIST = { name: 'list-connections', text: `SELECT ${CONNECTION} FROM connections c` };

/** Lists the connections of all users. */
export async function listConnections(deps: StatementDeps): Promise<ConnectionRecord[]> {
  return (await query<Row>(deps, LIST, [])).map(connectionOf);
}

const PREVIEW = {
  name: 'preview-payment',
  text: `
    SELECT ${CONNECTION}, p.emr_patient_id,
           coalesce($3::date, (now() AT TIME ZONE c.time_zone)::date)::text AS deposit_date
      FROM connections c LEFT JOIN patients p ON p.user_id = c.user_id AND p.mrn = $2
     WHERE c.user_id = $1`,
};

/**
 * Makes the same look-ups for a payment as the accept statement, and writes nothing; null when the user has no connection.
 *
 * @returns `emrPatientId` is null when the patient is not known, or has no id: the payment would not be accepted.
 */
export async function previewPayment(
  deps: StatementDeps,
  { userId, patientMrn, depositDate }: { userId: number; patientMrn: string; depositDate: string | null },
): Promise<{ connection: ConnectionRecord; emrPatientId: string | null; depositDate: string } | null> {
  type PreviewRow = Row & { emr_patient_id: string | null; deposit_date: string };
  const [row] = await query<PreviewRow>(deps, PREVIEW, [userId, patientMrn, depositDate]);
  if (row === undefined) return null;
  return { connection: connectionOf(row), emrPatientId: row.emr_patient_id, depositDate: row.deposit_date };
}
