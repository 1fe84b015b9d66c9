import {
  type Database,
  type LaneCapChange,
  type LaneNow,
  readLaneCaps,
  USUAL_CAP,
  writeLaneCaps,
} from '@emr-payments/db';
import { every, type Logger } from '@emr-payments/runtime';
import type { LaneTraffic } from './lane-traffic.ts';
import { nextCap } from './next-cap.ts';

const INTERVAL_MS = 500;

/** All lanes together grow by at most this much at a time. Whether the workers keep up with that is seen before they grow further. */
const GROWTH = 32;

/** No lane gets more of a worker's slots than this part of them, unless that is less than the usual cap. */
const SHARE = 1 / 4;

const capOf = ({ stored, most }: LaneNow) => Math.min(stored?.cap ?? USUAL_CAP, most);

/**
 * Adapts the caps of the endpoints' lanes to what this worker has seen of them: `nextCap` is the rule. All workers do this, and their
 * measurements add up in the rows: one that finds a row changed since it read it counts what it has seen the next time.
 *
 * It runs beside the jobs, which only count in memory, and writes only to lanes that are full or in trouble. A worker that dies leaves
 * a cap that is right, or that is the usual one after a minute.
 *
 * @param input.slots deliveries at once in this process.
 */
export function startLaneAdapter(
  { database, traffic, logger }: { database: Pick<Database, 'pool'>; traffic: LaneTraffic; logger: Logger },
  { slots }: { slots: number },
): { close(): Promise<void> } {
  const share = Math.max(USUAL_CAP, Math.floor(slots * SHARE));

  async function adapt(): Promise<void> {
    const samples = traffic.take();
    if (samples.size === 0) return;
    const { now, crowded, lanes } = await readLaneCaps({ database }, { laneIds: [...samples.keys()] });
    const changes: LaneCapChange[] = [];
    let spare = GROWTH;
    for (const lane of lanes.sort((a, b) => capOf(a) - capOf(b))) {
      const sample = samples.get(lane.laneId);
      if (sample === undefined) continue;
      const next = nextCap({ lane, most: Math.min(lane.most, share), sample, crowded, spare, now });
      if (next === null) continue;
      spare -= Math.max(0, next.cap - capOf(lane));
      changes.push({ laneId: lane.laneId, version: lane.version, next });
    }
    if (changes.length === 0) return;
    const written = await writeLaneCaps({ database }, { changes });
    for (const { laneId, next } of changes) {
      const sample = samples.get(laneId);
      if (written.has(laneId)) logger.debug({ lane_id: laneId, count: next.cap }, 'the cap of a lane');
      else if (sample !== undefined) traffic.putBack(laneId, sample);
    }
  }

  const loop = every(
    { run: adapt, onError: (err, isNews) => isNews && logger.warn({ err }, 'could not adapt the lanes') },
    { intervalMs: INTERVAL_MS },
  );
  return { close: loop.stop };
}
