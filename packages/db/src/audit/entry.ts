import { clip as clipText } from '@emr-payments/runtime';

/** Who acts, and from where. */
export type Actor = {
  /** `cli:<os user>`, `operator:<key id>`, `client:<client_id>`, `connect:<id of the session>` for the person at the connect page, or `system`. */
  actor: string;
  /** The address or the host that the action came from. */
  source: string;
  /** Public id of the user for whom a client acts; absent for the actions of a client itself, a person or the service. */
  user?: string | null;
};

/** The actor of actions that no person or client requested, such as seeding the local stack. */
export const SYSTEM: Actor = { actor: 'system', source: 'local' };

/** Names a record by its kind and its public id. */
export type AuditSubject =
  `${'client' | 'user' | 'endpoint' | 'payment' | 'job' | 'event' | 'recovery' | 'patients' | 'keys' | 'credential' | 'hold' | 'restore' | 'lineage' | 'archive' | 'operator_key' | 'worklist' | 'connect_session' | 'oauth_app'}:${string}`;

/** Facts about an action that are not secret: a note, an outcome, counts. */
export type AuditDetail = Record<string, string | number | boolean | null>;

/** One entry of the audit log. */
export type AuditInput = Actor & {
  /** `noun.verb`, such as `client.rotate_secret`. */
  action: string;
  subject: AuditSubject;
  outcome: 'done' | 'refused' | 'failed';
  /** How many equal actions the entry counts; 1 by default. */
  count?: number;
  /** Beginning of the minute of the actions that the entry counts; absent for a single action. */
  minute?: Date;
  detail?: AuditDetail;
};

/** Longest text that is kept of each field: some of them may come from a stranger. */
const LONGEST = 200;

/** Makes a text printable and cuts it to a readable length. */
export function clip(text: string): string {
  // PostgreSQL refuses NUL and half of a surrogate pair.
  return clipText(text.replace(/[\p{Cc}\p{Cs}]/gu, '�'), LONGEST);
}
