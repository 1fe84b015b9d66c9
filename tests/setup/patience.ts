import { vi } from 'vitest';

// vitest waits one second for a condition, and that number is no option of its configuration (`expect.poll` has one). A busy machine
// takes longer now and then, so a wait without a number of its own has this one.
const PATIENCE_MS = 30_000;
const PATIENT = Symbol.for('emr-payments: patient');

/** Gives a function that waits a longer limit, once: the files of a vitest worker share its process. */
function withPatience<Wait extends typeof vi.waitFor | typeof vi.waitUntil>(wait: Wait): Wait {
  if (PATIENT in wait) return wait;
  const patient = (check: Parameters<Wait>[0], options: Parameters<Wait>[1] = {}) =>
    wait(check, typeof options === 'number' ? options : { timeout: PATIENCE_MS, ...options });
  return Object.assign(patient, { [PATIENT]: true }) as unknown as Wait;
}

vi.waitFor = withPatience(vi.waitFor);
vi.waitUntil = withPatience(vi.waitUntil);
