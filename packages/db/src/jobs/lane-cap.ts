/** The cap of an endpoint's lane of which nothing is known. */
export const USUAL_CAP = 10;

/** The most that the cap of an endpoint's lane can become, unless the lane's `concurrency` says otherwise. */
export const MOST_CAP = 64;

/** A cap that nothing has confirmed for this long is the usual one again. */
export const CONFIRMED_FOR_MS = 60_000;

/** Returns the present cap of an endpoint's lane, as `PRESENT_CAP` computes it. */
export function presentCap({
  concurrency,
  cap,
}: {
  concurrency: number;
  cap: { cap: number; confirmedAt: Date } | null;
}): number {
  const isConfirmed = cap !== null && cap.confirmedAt.getTime() > Date.now() - CONFIRMED_FOR_MS;
  return Math.min(concurrency, isConfirmed ? cap.cap : USUAL_CAP);
}

/**
 * The present cap of the lane `l`, before its circuit. A connection's is as the operator has set it: how many calls an EMR takes at once
 * is the practice's and the vendor's wish. Of a connection one sync is fed at a time; the row of its lane says 0, which is how many
 * workers of versions that know no syncs feed.
 */
export const PRESENT_CAP = `
  CASE l.kind WHEN 'connection' THEN l.concurrency WHEN 'sync' THEN 1 ELSE least(l.concurrency, coalesce(
    (SELECT k.cap FROM lane_caps k WHERE k.lane_id = l.id AND k.confirmed_at > now() - interval '${CONFIRMED_FOR_MS} milliseconds'),
    ${USUAL_CAP})) END`;
