/** Hours between two scheduled syncs of a connection that does not say otherwise (`sync_hours`). */
export const SYNC_HOURS = 24;
