import { nowMs } from '../clock.ts';
import { type Connection, openConnection, type Reply } from './connection.ts';

export type Pace =
  /** Each connection sends its next request when it has its answer: finds the most that the server can do. */
  | { kind: 'closed'; seconds?: number; count?: number }
  /**
   * Requests leave by the clock, whether or not earlier ones were answered. Their latency counts from the time at which
   * they were due, so that a server that stalls cannot hide the requests it kept from being sent (coordinated omission).
   */
  | { kind: 'open'; ratePerSecond: number; seconds: number };

export type LoadResult = {
  /** Answers with the wanted status, and all others by status. */
  ok: number;
  others: Record<string, number>;
  seconds: number;
  perSecond: number;
  /** Milliseconds, sorted. */
  latencies: Float64Array;
  /** Of each accepted payment, when it was due to be sent; empty unless asked for. */
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

/** Sends requests at a pace and measures. @throws Error when a connection breaks. */
export async function runLoad({ host, port, connections, pace, next, track }: Options): Promise<LoadResult> {
  const done = Promise.withResolvers<void>();
  const all = await Promise.all(
    Array.from({ length: connections }, () => openConnection({ host, port, onBroken: done.reject })),
  );
  const free = [...all];
  const latencies: number[] = [];
  const others: Record<string, number> = {};
  const sent: LoadResult['sent'] = [];
  const late: number[] = [];
  const most =
    pace.kind === 'open'
      ? Math.round(pace.ratePerSecond * pace.seconds)
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
    if (pace.kind === 'closed' && begun < most && at < stopAt) {
      begun += 1;
      send(connection, at);
      return;
    }
    const waited = late.shift();
    if (waited !== undefined) send(connection, waited);
    else free.push(connection);
    if (answered === begun && (pace.kind === 'closed' || begun === most)) done.resolve();
  }

  let timer: NodeJS.Timeout | undefined;
  if (pace.kind === 'closed') {
    for (const connection of free.splice(0, Math.min(connections, most))) {
      begun += 1;
      send(connection, nowMs());
    }
  } else {
    const gap = 1000 / pace.ratePerSecond;
    timer = setInterval(() => {
      const due = Math.min(most, Math.floor((nowMs() - startedAt) / gap) + 1);
      for (; begun < due; begun += 1) {
        const dueAt = startedAt + begun * gap;
        const connection = free.pop();
        if (connection === undefined) late.push(dueAt);
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
