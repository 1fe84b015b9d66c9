/** Exit codes by meaning. docs/operating.md promises them to programs. */
export const EXIT = {
  ok: 0,
  /** It could not be done, or not all of it. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** There is no such record. */
  not_found: 3,
  /** The record's state does not allow it. */
  refused: 4,
} as const;

export type ExitName = keyof typeof EXIT;

/** The result of a command, for a person (`text`) and for a program (`data`, shown as one JSON document). */
export type Outcome = { exit: ExitName; data: object; text: string };

/** The command did what it should. */
export function done(data: object, text: string): Outcome {
  return { exit: 'ok', data, text };
}

/** The command did not do what it should. @param message one sentence, with the remedy where it is not obvious. */
export function failure(exit: Exclude<ExitName, 'ok'>, message: string): Outcome {
  return { exit, data: { error: { code: exit, message } }, text: message };
}
