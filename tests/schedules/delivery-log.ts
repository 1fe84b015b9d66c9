import type { Sessions } from './sessions.ts';

/**
 * Makes the database write down, in the transaction that changes them, the life of events, deliveries, their jobs and attempts, and of
 * endpoints and their secrets. The rules read nothing else: old events are removed in a schedule.
 */
export const DELIVERY_LOG = `
  CREATE TABLE played.log (seq bigserial PRIMARY KEY, at timestamptz(3) NOT NULL, what text NOT NULL, id text NOT NULL, data jsonb NOT NULL);
  CREATE FUNCTION played.note(what text, id text, data jsonb) RETURNS void LANGUAGE sql SECURITY DEFINER
    AS 'INSERT INTO played.log (at, what, id, data) VALUES (played.now(), $1, $2, $3)';

  CREATE FUNCTION played.note_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  BEGIN
    IF TG_OP = 'DELETE' THEN
      PERFORM played.note(TG_ARGV[0] || ' removed', OLD.id::text, to_jsonb(OLD));
      RETURN NULL;
    END IF;
    PERFORM played.note(TG_ARGV[0], NEW.id::text, to_jsonb(NEW) || CASE WHEN TG_OP = 'UPDATE' THEN jsonb_build_object('before', to_jsonb(OLD)) ELSE '{}' END);
    RETURN NULL;
  END $$;
  CREATE TRIGGER played_note AFTER INSERT OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION played.note_row('event');
  CREATE TRIGGER played_note AFTER INSERT OR DELETE ON deliveries FOR EACH ROW EXECUTE FUNCTION played.note_row('delivery');
  CREATE TRIGGER played_note_change AFTER UPDATE ON deliveries FOR EACH ROW WHEN (OLD.status <> NEW.status)
    EXECUTE FUNCTION played.note_row('delivery');
  CREATE TRIGGER played_note AFTER INSERT OR UPDATE OR DELETE ON webhook_endpoints FOR EACH ROW EXECUTE FUNCTION played.note_row('endpoint');
  CREATE TRIGGER played_note AFTER INSERT OR UPDATE OR DELETE ON webhook_secrets FOR EACH ROW EXECUTE FUNCTION played.note_row('secret');

  CREATE FUNCTION played.note_attempt() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  BEGIN
    PERFORM played.note('attempt', NEW.delivery_id::text, to_jsonb(NEW));
    RETURN NULL;
  END $$;
  CREATE TRIGGER played_note AFTER INSERT ON delivery_attempts FOR EACH ROW EXECUTE FUNCTION played.note_attempt();

  CREATE FUNCTION played.note_job() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  DECLARE was_queued CONSTANT boolean := TG_OP <> 'INSERT' AND OLD.queued_at IS NOT NULL;
  BEGIN
    IF TG_OP = 'DELETE' THEN
      PERFORM played.note('job ended', OLD.id::text, to_jsonb(OLD));
      RETURN NULL;
    END IF;
    IF NEW.queued_at IS NOT NULL AND NOT was_queued THEN
      PERFORM played.note('job fed', NEW.id::text, to_jsonb(NEW) || jsonb_build_object(
        'is_open', (SELECT coalesce(l.open_until > played.now(), false) FROM lanes l WHERE l.id = NEW.lane_id)));
    END IF;
    IF NEW.lease_until IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.fence <> OLD.fence) THEN
      PERFORM played.note('job claimed', NEW.id::text, to_jsonb(NEW));
    END IF;
    IF NEW.queued_at IS NULL AND was_queued THEN PERFORM played.note('job freed', NEW.id::text, to_jsonb(NEW)); END IF;
    RETURN NULL;
  END $$;
  CREATE TRIGGER played_note AFTER INSERT OR UPDATE OR DELETE ON jobs FOR EACH ROW EXECUTE FUNCTION played.note_job();`;

/** Removes what the last schedule has left. */
export const CLEAR_DELIVERIES = `
  DELETE FROM played.log; DELETE FROM delivery_attempts; DELETE FROM deliveries; DELETE FROM recoveries;
  DELETE FROM webhook_secrets; DELETE FROM webhook_endpoints; DELETE FROM lane_caps; DELETE FROM lanes WHERE kind = 'endpoint';`;

type Named<What extends string, Data> = { what: What; at: number; id: string; data: Data };

export type EventRow = { type: string; body: string };
export type DeliveryRow = {
  event_id: string;
  endpoint_id: string;
  status: 'pending' | 'delivered' | 'failed' | 'canceled';
  recovery_id: string | null;
  before?: DeliveryRow;
};
export type AttemptRow = {
  event_id: string;
  number: number;
  started_at: string;
  http_status: number | null;
  error_kind: string | null;
};
export type JobRow = { lane_id: number; delivery_id: number; fence: number; is_open?: boolean };
export type EndpointRow = {
  url: string;
  lane_id: number;
  event_types: string[];
  disabled_at: string | null;
  disabled_code: string | null;
  deleted_at: string | null;
  before?: EndpointRow;
};
export type SecretRow = { endpoint_id: string; sealed: string; expires_at: string | null };

export type LogRow =
  | Named<'event' | 'event removed', EventRow>
  | Named<'delivery' | 'delivery removed', DeliveryRow>
  | Named<'attempt', AttemptRow>
  | Named<'job fed' | 'job claimed' | 'job freed' | 'job ended', JobRow>
  | Named<'endpoint' | 'endpoint removed', EndpointRow>
  | Named<'secret' | 'secret removed', SecretRow>;

/** What a person has asked for, by the audit log, from which nothing is removed. */
export type AskedRow = { at: number; action: string; subject: string; endpoint_id: string | null };

const MS = 'extract(epoch FROM at)::float8 * 1000 AS at';

/** @returns the number of the last entry of the audit log. */
export async function lastOfAudit({ ask }: Pick<Sessions, 'ask'>): Promise<string> {
  const { rows } = await ask<{ id: string }>('SELECT coalesce(max(id), 0)::text AS id FROM audit_log');
  return rows[0]?.id ?? '0';
}

/** @param input.audited the last entry of the audit log from before the schedule. */
export async function readLog(
  { ask }: Pick<Sessions, 'ask'>,
  { audited }: { audited: string },
): Promise<{ log: LogRow[]; asked: AskedRow[] }> {
  const { rows: log } = await ask<LogRow>(`SELECT what, id, data, ${MS} FROM played.log ORDER BY seq`);
  const { rows: asked } = await ask<AskedRow>(
    `SELECT action, subject, detail ->> 'endpoint_id' AS endpoint_id, ${MS} FROM audit_log WHERE id > $1 ORDER BY id`,
    [audited],
  );
  return { log, asked };
}
