import { Client } from 'pg';
import type { Transition } from './records.ts';

/** Runs `work` with a separate connection to the suite's database. */
export async function onDatabase<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, application_name: 'crash suite' });
  // When PostgreSQL drops the connection, the running statement fails with an error; the event must not end the suite as well.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Records status changes in a logged table, because an immediate restart empties an unlogged one. */
const WATCH = `
  CREATE SCHEMA crash;
  CREATE TABLE crash.transitions (seq bigserial PRIMARY KEY, payment_id uuid NOT NULL, "from" text, "to" text NOT NULL);
  CREATE FUNCTION crash.record_transition() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  BEGIN
    INSERT INTO crash.transitions (payment_id, "from", "to")
    VALUES (NEW.id, CASE WHEN TG_OP = 'UPDATE' THEN OLD.status::text END, NEW.status::text);
    RETURN NULL;
  END $$;
  CREATE TRIGGER crash_transitions AFTER INSERT OR UPDATE OF status ON payments
    FOR EACH ROW EXECUTE FUNCTION crash.record_transition();`;

/** Makes the database record every change of a payment's status, in the transaction that changes it. */
export async function watchTransitions(url: string): Promise<void> {
  await onDatabase(url, (client) => client.query(WATCH));
}

export async function readTransitions(client: Client): Promise<Transition[]> {
  const { rows } = await client.query<{ payment_id: string; from: string | null; to: string }>(
    'SELECT payment_id, "from", "to" FROM crash.transitions ORDER BY seq',
  );
  return rows.map(({ payment_id, from, to }) => ({ paymentId: payment_id.replaceAll('-', ''), from, to }));
}
