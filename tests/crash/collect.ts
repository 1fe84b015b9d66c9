import { existsSync, readFileSync } from 'node:fs';
import type { Client } from 'pg';
import type { Cluster } from './cluster.ts';
import type { LedgerEntry, Received, Records, Requested, Stored } from './records.ts';
import { onDatabase, readTransitions } from './transitions.ts';

async function readLedger(sandboxUrl: string): Promise<LedgerEntry[]> {
  const answer = await fetch(`${sandboxUrl}/sandbox/ledger`, { signal: AbortSignal.timeout(60_000) });
  if (!answer.ok) throw new Error(`the sandbox answered ${answer.status} for its ledger`);
  return ((await answer.json()) as { entries: LedgerEntry[] }).entries;
}

/** Reads the receiver's file and skips incomplete lines: a kill cut them short, so their requests got no answer. */
function readReceived(file: string): Received[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line): Received[] => {
      try {
        return [JSON.parse(line) as Received];
      } catch {
        return [];
      }
    });
}

async function readStored(client: Client): Promise<Stored[]> {
  const { rows } = await client.query<{
    id: string;
    reference_number: string;
    status: string;
    emr_transaction_id: string | null;
  }>('SELECT id, reference_number, status, emr_transaction_id FROM payments');
  return rows.map((row) => ({
    id: row.id.replaceAll('-', ''),
    reference: row.reference_number,
    status: row.status,
    emrTransactionId: row.emr_transaction_id,
  }));
}

/** Collects the records that the checker compares, each from its own source. */
export async function collect(cluster: Cluster, requested: readonly Requested[]): Promise<Records> {
  const ledger = await readLedger(cluster.process('sandbox').url);
  return await onDatabase(cluster.postgres.url, async (client) => ({
    requested,
    ledger,
    received: readReceived(cluster.receivedFile),
    stored: await readStored(client),
    transitions: await readTransitions(client),
    endedUnexpectedly: [...cluster.endedUnexpectedly],
  }));
}
