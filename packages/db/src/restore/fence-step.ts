/**
 * By how much a restore raises every fence. The lost time has claimed the same jobs under fences that follow the restored
 * ones: an entry that is left in Redis, or a worker that was not stopped, must fit none of them. A claim takes milliseconds
 * and a retry seconds, so no job has been claimed a million times since a backup; an integer has room for two thousand restores.
 */
export const FENCE_STEP = 1_000_000;

/**
 * By how much a restore raises the round of every payment that is not posted. Events of the lost time have reached the integrator
 * with the rounds that follow the restored one as their `sequence`: those of the time after must be greater. A person starts a
 * round, so there were fewer since a backup.
 */
export const ROUND_STEP = 100;

/** No restore raises a round beyond this: the column ends at 32,767, and the rounds after the restore need room too. */
export const HIGHEST_RAISED_ROUND = 30_000;
