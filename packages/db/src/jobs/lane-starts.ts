import { query, type StatementDeps } from '../core/statements.ts';

/** Lanes that are remembered: those that were fed last. */
const MOST_LANES = 64;

/** A lane is remembered from so many fed jobs on. Before that it has few dead entries, and to look into each lane costs a little. */
const LEAST_FED = 200;

/** A job that is committed so long after its `run_at`, or a mark so long after its `queued_at`, is found at once. A later one is found by a look. */
const LATE_MS = 1_000;

/** Pause between two looks: shorter than that of the relay's polls, so that each of them begins one. */
const LOOK_EVERY_MS = 400;

/** A look takes at most one part in so many of the time: it reads all dead entries, which can be millions while an old snapshot is held. */
const REST_OF_LOOK = 20;
/** Longest pause between two looks: a job that was put back waits for the next one. */
const MOST_REST_MS = 5_000;

type Look = { laneId: number; since: number; markedSince: number };

type Start = {
  since: number;
  markedSince: number;
  fed: number;
  /** False from the end of a look until the next feed begins. A feed that was under way meanwhile did not begin at this `since`, and does not raise it. */
  isGiven: boolean;
};

const NOT_FED: Start = { since: -Infinity, markedSince: -Infinity, fed: 0, isGiven: true };

const LOOK = {
  name: 'look-for-lane-starts',
  text: `
    SELECT lane_id AS "laneId", extract(epoch FROM least(waiting, late))::float8 * 1000 AS since,
           extract(epoch FROM least(marked, late))::float8 * 1000 AS "markedSince"
      FROM unnest($1::int[]) AS known(lane_id)
           CROSS JOIN LATERAL (
             SELECT now() - interval '${LATE_MS} milliseconds' AS late,
                    (SELECT j.run_at FROM jobs j WHERE j.lane_id = known.lane_id AND j.queued_at IS NULL ORDER BY j.run_at LIMIT 1) AS waiting,
                    (SELECT f.queued_at FROM jobs f WHERE f.lane_id = known.lane_id AND f.queued_at IS NOT NULL ORDER BY f.queued_at LIMIT 1) AS marked
           ) oldest`,
};

/** Where the live jobs of the busiest lanes begin, as the process that feeds them knows it. */
export type LaneStarts = {
  /** Parameters of a feed: the lanes, since when jobs wait in each, and since when those in flight were marked; in milliseconds since 1970. */
  parameters(): [number[], number[], number[]];
  /** Notes the jobs that a feed has marked. A feed takes those of a lane in the order of `runAt`, so none waits before the last of them. */
  note(fed: readonly { laneId: number; runAt: number }[]): void;
  /** Begins to look where live jobs begin, if it is time for that. It throws nothing. */
  look(): void;
};

/**
 * Remembers where live jobs begin, so that a feed need not read past the dead index entries of all that was fed since the last VACUUM.
 *
 * What is remembered can be out of date. A job that gets an older `run_at` than those that were fed, because it was put back or committed late, waits
 * for the next look. A mark that was committed late is not counted, and the lane may have more jobs in flight than its cap, until the next look.
 * A look comes with the next poll of the relay; where looks are slow, after twenty times their own duration, at most five seconds.
 *
 * @param onEarlier called when a look has found jobs that the feeds before it did not see.
 */
export function createLaneStarts(deps: StatementDeps, { onEarlier }: { onEarlier: () => void }): LaneStarts {
  /** In the order in which they were fed, the last one at the end. */
  const starts = new Map<number, Start>();
  const known = () => [...starts].filter(([, { fed }]) => fed >= LEAST_FED);
  let nextLook = 0;

  async function lookAt(laneIds: number[]): Promise<void> {
    const rows = await query<Look>(deps, LOOK, [laneIds]);
    let earlier = false;
    for (const { laneId, since, markedSince } of rows) {
      const start = starts.get(laneId);
      if (start === undefined) continue;
      earlier ||= since < start.since;
      Object.assign(start, { since, markedSince, isGiven: false });
    }
    if (earlier) onEarlier();
  }

  return {
    parameters() {
      const each = known();
      for (const [, start] of each) start.isGiven = true;
      return [
        each.map(([laneId]) => laneId),
        each.map(([, { since }]) => since),
        each.map(([, { markedSince }]) => markedSince),
      ];
    },
    note(fed) {
      for (const { laneId, runAt } of fed) {
        const start = starts.get(laneId) ?? NOT_FED;
        const since = start.isGiven ? Math.max(start.since, runAt - LATE_MS) : start.since;
        starts.delete(laneId);
        starts.set(laneId, { ...start, since, fed: start.fed + 1 });
      }
      for (const laneId of starts.keys()) {
        if (starts.size <= MOST_LANES) break;
        starts.delete(laneId);
      }
    },
    look() {
      const laneIds = known().map(([laneId]) => laneId);
      const begunAt = performance.now();
      if (laneIds.length === 0 || begunAt < nextLook) return;
      nextLook = Infinity;
      // Without a look nothing is known: the feeds read all again.
      lookAt(laneIds)
        .catch(() => starts.clear())
        .finally(() => {
          const now = performance.now();
          nextLook = Math.max(
            begunAt + LOOK_EVERY_MS,
            now + Math.min(REST_OF_LOOK * (now - begunAt), MOST_REST_MS),
          );
        });
    },
  };
}
