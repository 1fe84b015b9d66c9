import type { Ledger } from './ledger.ts';
import type { Practice, PracticeChange } from './practice.ts';

/** One thing that happened at the practice. `id` names the record; null where there is none. */
export type Happening = { at: string; what: string; id: string | null };

/** How many of the last happenings are remembered. */
const REMEMBERED = 50;

export type PracticeChanges = {
  /** Changes the practice for all dialects. Resolves when the change is on disk. */
  make(change: PracticeChange, what: string): Promise<void>;
  /** Notes something that is no change of a record, such as a new password. */
  note(what: string): void;
  /** Newest first. */
  recent(): readonly Happening[];
  onChange(listener: () => void): void;
};

function idIn(change: PracticeChange): string | null {
  if (change.kind === 'patient') return change.patient.id;
  return change.kind === 'location' ? change.location.id : null;
}

/** The one way in which the practice changes while the sandbox runs. */
export function openPracticeChanges({
  practice,
  ledger,
}: {
  practice: Practice;
  ledger: Ledger;
}): PracticeChanges {
  const recent: Happening[] = [];
  const listeners: (() => void)[] = [];
  function remember(what: string, id: string | null): void {
    recent.unshift({ at: new Date().toISOString(), what, id });
    recent.length = Math.min(recent.length, REMEMBERED);
    for (const listener of listeners) listener();
  }
  return {
    make(change, what) {
      practice.apply(change);
      remember(what, idIn(change));
      return ledger.keep(change);
    },
    note: (what) => remember(what, null),
    recent: () => recent,
    onChange(listener) {
      listeners.push(listener);
    },
  };
}
