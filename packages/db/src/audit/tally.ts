import type { AuditDetail, AuditSubject } from './entry.ts';

/** An action that is counted together with equal ones. */
export type CountedAction = {
  /** `client:<client_id>`; of a stranger, the client id that it claims. */
  actor: string;
  /** Public id of the user for whom the client acts; null for the client itself. */
  user: string | null;
  source: string;
  action: string;
  subject: AuditSubject;
  outcome: 'done' | 'refused' | 'failed';
  detail?: AuditDetail;
};

/** Equal actions of one minute. */
export type Counted = CountedAction & {
  count: number;
  /** Beginning of the minute, in milliseconds since 1970. */
  minute: number;
};

/** Recorded instead of a value in which actions that are counted together differ. */
export const SEVERAL = '(several)';
/** Recorded instead of the source where there are too many to keep each one. */
const MANY = 'many';

type Row = Counted & { written: boolean };
type Minute = { rows: Map<string, Row>; sizes: number[] };

const MINUTE_MS = 60_000;

/** The part of a subject before its colon. */
export const kindOf = (subject: AuditSubject) => subject.slice(0, subject.indexOf(':')) as 'payment';

/** Gives the form of an action under which it is counted. */
export type Form = (action: CountedAction) => CountedAction;

export const withoutSource: Form = (action) => ({ ...action, source: MANY });
export const withoutActor: Form = (action) => ({ ...action, actor: `client:${SEVERAL}`, user: null });
/** There are only a few of these. */
export const byActionAlone: Form = (action) => ({
  ...withoutActor(withoutSource(action)),
  subject: `${kindOf(action.subject)}:${SEVERAL}`,
});

/** Keeps what two actions that are counted together have in common. */
function merge(row: Row, { subject, detail }: CountedAction): void {
  if (row.count === 0) {
    // The former count of the row has been written.
    row.subject = subject;
    if (detail !== undefined) row.detail = detail;
    return;
  }
  if (row.subject !== subject) row.subject = `${kindOf(subject)}:${SEVERAL}`;
  if (row.detail === undefined || detail === undefined) return;
  for (const [name, value] of Object.entries(detail)) {
    if (row.detail[name] !== value) row.detail = { ...row.detail, [name]: SEVERAL };
  }
}

export type Tally = {
  /** Counts an action, now and once if `when` does not say otherwise. */
  add(action: CountedAction, when?: { minute: number; count: number }): void;
  /**
   * Takes out the counts to be written: of minutes that are over everything, of the present one each row that has not been
   * written before. So a row is written soon after its first action and once more after its minute, however many follow.
   */
  take(): Counted[];
  /** Takes out everything. */
  takeAll(): Counted[];
  /** Counts again what was taken and could not be written. */
  putBack(counted: readonly Counted[]): void;
};

/**
 * Counts actions by minute, in bounded memory, without losing a count: when there are `mostRows` of one form in a minute, or
 * `mostKept` in all, further ones are counted under the next form, which distinguishes fewer.
 *
 * @param forms from fine to coarse; the last one has no limit.
 * @param keyOf the subject, or the part of it, by which actions are distinguished; actions that differ in the rest are counted
 *   together.
 * @param clock milliseconds since 1970.
 */
export function createTally({
  forms,
  keyOf,
  mostRows,
  mostKept,
  clock,
}: {
  forms: readonly Form[];
  keyOf: (subject: AuditSubject) => string;
  mostRows: number;
  mostKept: number;
  clock: () => number;
}): Tally {
  const minutes = new Map<number, Minute>();
  let kept = 0;

  const present = (): number => Math.floor(clock() / MINUTE_MS) * MINUTE_MS;

  function add(action: CountedAction, when?: { minute: number; count: number }): void {
    const at = when?.minute ?? present();
    const count = when?.count ?? 1;
    let minute = minutes.get(at);
    if (minute === undefined) {
      minute = { rows: new Map(), sizes: [] };
      minutes.set(at, minute);
    }
    for (const [level, formOf] of forms.entries()) {
      const form = formOf(action);
      const { action: name, outcome, actor, user, source } = form;
      const key = `${level} ${name} ${outcome} ${keyOf(form.subject)} ${actor} ${user} ${source}`;
      const row = minute.rows.get(key);
      if (row !== undefined) {
        merge(row, form);
        row.count += count;
        return;
      }
      const size = minute.sizes[level] ?? 0;
      if (level === forms.length - 1 || (size < mostRows && kept < mostKept)) {
        minute.rows.set(key, { ...form, count, minute: at, written: false });
        minute.sizes[level] = size + 1;
        kept += 1;
        return;
      }
    }
  }

  function taken(wanted: (row: Row, over: boolean) => boolean): Counted[] {
    const out: Counted[] = [];
    const now = present();
    for (const [at, { rows }] of minutes) {
      const over = at < now;
      for (const row of rows.values()) {
        if (row.count === 0 || !wanted(row, over)) continue;
        const { written: _written, ...counted } = row;
        out.push(counted);
        row.count = 0;
        row.written = true;
      }
      if (over) {
        kept -= rows.size;
        minutes.delete(at);
      }
    }
    return out;
  }

  return {
    add,
    take: () => taken((row, over) => over || !row.written),
    takeAll: () => taken(() => true),
    putBack(counted) {
      for (const { minute, count, ...action } of counted) add(action, { minute, count });
      for (const { minute } of counted) {
        for (const row of minutes.get(minute)?.rows.values() ?? []) if (row.count > 0) row.written = false;
      }
    },
  };
}
