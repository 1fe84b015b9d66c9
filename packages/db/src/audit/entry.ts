/** Who acts, and from where. */
export type Actor = {
  /** `cli:<os user>`, `client:<client_id>`, or `system`. */
  actor: string;
  /** The address or the host that the action came from. */
  source: string;
};

/** What a program does by itself, such as seeding the local stack. */
export const SYSTEM: Actor = { actor: 'system', source: 'local' };

/** A record as `subject` names it: its kind and its public id. */
export type AuditSubject =
  `${'client' | 'user' | 'endpoint' | 'payment' | 'event' | 'patients' | 'keys' | 'credential'}:${string}`;

/** What belongs to an action and is no secret: a note, an outcome, counts. */
export type AuditDetail = Record<string, string | number | boolean | null>;

/** What was done, by whom, to what. */
export type AuditInput = Actor & {
  /** `noun.verb`, such as `client.rotate_secret`. */
  action: string;
  subject: AuditSubject;
  outcome: 'done' | 'refused' | 'failed';
  /** How often, when many alike are counted together; 1 by default. */
  count?: number;
  detail?: AuditDetail;
};

/** Longest text that is kept of each field: some of it may come from a stranger. */
const LONGEST = 200;

/** Printable, and no longer than anybody reads. */
export function clip(text: string): string {
  // A surrogate that is cut in half is no text to Postgres, and neither is NUL.
  return text
    .replace(/[\p{Cc}\p{Cs}]/gu, '�')
    .slice(0, LONGEST)
    .toWellFormed();
}
