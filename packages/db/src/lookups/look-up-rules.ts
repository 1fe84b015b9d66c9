/** Questions since then count: for a minute a "no" holds, and a question counts against the connection's budget. */
export const MINUTE = `now() - interval '1 minute'`;

/** In the last minute. What is later than now counts as old: the clock was set back, and nobody knows how old it is. */
export const IS_RECENT = `(asked_at > ${MINUTE} AND asked_at < now() + interval '1 minute')`;

/** The EMR has answered, and has no patient to whom a payment could go. */
export const IS_NO = `answer IN ('none', 'several', 'closed')`;

/** Waits for its turn, or is being asked. */
export const ALIVE = '(answer IS NULL AND lease_until > now())';

/** No MRN of a stranger is stored, and a row's size does not depend on it. */
export const mrnHash = (mrn: string): string => `sha256(convert_to(${mrn}, 'UTF8'))`;

/** The values that `IS_PLACE` needs. */
export const PLACE = ['id', 'userId', 'connectionVersion', 'mrn'] as const;

/** The row of a place (`LookUpPlace`). */
export const IS_PLACE = `id = :id AND user_id = :userId AND version = :connectionVersion::timestamptz AND mrn_hash = ${mrnHash(':mrn')}`;
