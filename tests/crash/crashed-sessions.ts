import { readFileSync } from 'node:fs';

/** Signal 9 is sent by our own faults. */
const CRASHED = /^.* was terminated by signal (?!9\b)\d+.*$/gm;

/** Returns the lines of PostgreSQL's log about sessions that crashed. The server recovers from a crash, so nothing else shows it. */
export function crashedSessions(logFile: string): string[] {
  return (readFileSync(logFile, 'utf8').match(CRASHED) ?? []).map((line) => `postgres (${line})`);
}
