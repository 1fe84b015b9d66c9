import { nowMs } from '../clock.ts';
import { type Connection, openConnection, type Reply } from './connection.ts';

export type Pace =
  /** Each connection sends its next request when the last one is answered. Finds the server's maximum throughput. */
  | { kind: 'closed'; seconds?: number; count?: number }
  /**
   * Requests are due at fixed intervals, whether or not earlier ones were answered. Latency counts from the due time, so
   * that a stalled server cannot hide the requests that it prevented from being sent (coordinated omission).
   */
  | { kind: 'open'; ratePerSecond: number; seconds: number };

export type LoadResult = {
  /** The number of answers with status 200. */
  ok: number;
  /** The number of all other answers, by status. */
  others: Record<string, number>;
  seconds: number;
  perSecond: number;
  /** Latencies of the answers with status 200, in milliseconds, sorted. */
  latencies: Float64Array;
  /** The due time of each payment; empty unless `track` is set. */
  sent: { paymentId: string; at: number }[];
};

type Options = {
  host: string;
  port: number;
  connections: number;
  pace: Pace;
  next: () => string;
  track: boolean;
};

const PAYMENT_ID = /"payment_id":"([0-9a-f]{32})"/;

/** Sends requests at a pace and measures the answers. @throws Error when a connection breaks. */
export async function runLoad({ host, port, connections, pace, next, track }: Options): Promise<LoadResult> {
  const done = Promise.withResolvers<void>();
  const all = await Promise.all(
    Array.from({ length: connections }, () => openConnection({ host, port, onBroken: done.reject })),
  );
  const free = [...all];
  const latencies: number[] = [];
  const others: Record<string, number> = {};
  const sent: LoadResult['sent'] = [];
  const overdue: number[] = [];
  const limit =
    pace.kind === 'open'
      ? Math.max(1, Math.round(pace.ratePerSecond * pace.seconds))
      : (pace.count ?? Number.POSITIVE_INFINITY);
  let begun = 0;
  let answered = 0;
  const startedAt = nowMs();
  const stopAt = startedAt + (pace.kind === 'closed' ? (pace.seconds ?? Number.POSITIVE_INFINITY) * 1000 : 0);

  function send(connection: Connection, dueAt: number): void {
    connection.send(next(), (reply) => onReply(connection, dueAt, reply));
  }
  function onReply(connection: Connection, dueAt: number, { status, body }: Reply): void {
    const at = nowMs();
    answered += 1;
    if (status === 200) latencies.push(at - dueAt);
    else others[status] = (others[status] ?? 0) + 1;
    if (track) sent.push({ paymentId: PAYMENT_ID.exec(body)?.[1] ?? '', at: dueAt });
    if (pace.kind === 'closed' && begun < limit && at < stopAt) {
      begun += 1;
      send(connection, at);
      return;
    }
    const overdueSince = overdue.shift();
    if (overdueSince !== undefined) send(connection, overdueSince);
    else free.push(connection);
    if (answered === begun && (pace.kind === 'closed' || begun === limit)) done.resolve();
  }

  let timer: NodeJS.Timeout | undefined;
  if (pace.kind === 'closed') {
    for (const connection of free.splice(0, Math.min(connections, limit))) {
      begun += 1;
      send(connection, nowMs());
    }
  } else {
    const gap = 1000 / pace.ratePerSecond;
    timer = setInterval(() => {
      const due = Math.min(limit, Math.floor((nowMs() - startedAt) / gap) + 1);
      for (; begun < due; begun += 1) {
        const dueAt = startedAt + begun * gap;
        const connection = free.pop();
        if (connection === undefined) overdue.push(dueAt);
        else send(connection, dueAt);
      }
    }, 1);
  }
  try {
    await done.promise;
  } finally {
    clearInterval(timer);
    for (const connection of all) connection.close();
  }
  const seconds = (nowMs() - startedAt) / 1000;
  const ok = latencies.length;
  return {
    ok,
    others,
    seconds,
    perSecond: ok / seconds,
    latencies: Float64Array.from(latencies).sort(),
    sent,
  };
}
