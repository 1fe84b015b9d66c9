import type { Client } from 'pg';
import { openLedger, readLines, toLedgerEntry } from './foreign/ledger.ts';
import { PATIENTS, patientIdOf } from './practice-data.ts';
import type { LedgerEntry, Outages, Received, Records, Requested, Stored } from './records.ts';
import type { Service } from './service.ts';
import { onDatabase, readTransitions } from './transitions.ts';

async function readLedger(sandboxUrl: string): Promise<LedgerEntry[]> {
  const answer = await fetch(`${sandboxUrl}/sandbox/ledger`, { signal: AbortSignal.timeout(60_000) });
  if (!answer.ok) throw new Error(`the sandbox answered ${answer.status} for its ledger`);
  return ((await answer.json()) as { entries: LedgerEntry[] }).entries;
}

export const mrnOf = (patientId: string): string | null =>
  PATIENTS.find((_mrn, place) => patientIdOf(place) === patientId) ?? null;

export async function readStored(client: Client): Promise<Stored[]> {
  const { rows } = await client.query<{
    id: string;
    reference_number: string;
    status: string;
    emr_transaction_id: string | null;
    failure_reason: string | null;
  }>('SELECT id, reference_number, status, emr_transaction_id, failure_reason FROM payments');
  return rows.map((row) => ({
    id: row.id.replaceAll('-', ''),
    reference: row.reference_number,
    status: row.status,
    emrTransactionId: row.emr_transaction_id,
    reason: row.failure_reason,
  }));
}

/** The path of an endpoint ends with its name (`makePractices`). */
async function readOutages(client: Client): Promise<Outages[]> {
  const { rows } = await client.query<Outages>(`
    SELECT u.public_id AS "userId", s.outages AS count, s.outage_open AS "isOpen",
           array(SELECT regexp_replace(e.url, '^.*/', '') FROM webhook_endpoints e WHERE e.client_pk = u.client_pk) AS endpoints
      FROM connection_states s JOIN users u ON u.id = s.user_id`);
  return rows;
}

/** Collects the records that the checker compares, each from its own source. */
export async function collect(
  running: Pick<Service, 'process' | 'foreignFile' | 'receivedFile'> & {
    /** The database, as the owner of its tables. */
    databaseUrl: string;
    endedUnexpectedly: readonly string[];
  },
  { requested }: { requested: readonly Requested[] },
): Promise<Records> {
  const sandbox = await readLedger(running.process('sandbox').url);
  const foreign = openLedger(running.foreignFile);
  return await onDatabase(running.databaseUrl, async (client) => ({
    requested,
    ledger: [...sandbox, ...foreign.entries.map((entry) => toLedgerEntry(entry, mrnOf))],
    takenOnly: foreign.answers.filter(({ takenOnly }) => takenOnly).map(({ paymentId }) => paymentId),
    received: readLines<Received>(running.receivedFile),
    stored: await readStored(client),
    transitions: await readTransitions(client),
    outages: await readOutages(client),
    endedUnexpectedly: [...running.endedUnexpectedly],
  }));
}
