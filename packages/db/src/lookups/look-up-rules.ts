/** Since when questions count: for a minute a "no" holds, and a question counts against the connection's budget. */
export const MINUTE = `now() - interval '1 minute'`;

/** The EMR has answered, and has no patient to whom a payment could go. */
export const IS_NO = `answer IN ('none', 'several', 'closed')`;

/** Waits for its turn, or is being asked. */
export const ALIVE = '(answer IS NULL AND lease_until > now())';

/** No MRN of a stranger is stored, and a row's size does not depend on it. */
export const mrnHash = (mrn: string): string => `sha256(convert_to(${mrn}, 'UTF8'))`;
