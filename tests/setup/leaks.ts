import { afterAll, expect, vi } from 'vitest';

// The files of a vitest worker share its process (vitest.config.ts): what one leaves behind, the next one has, in an order that changes.

const GLOBALS = ['fetch', 'Date', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'] as const;
const EVENTS = ['uncaughtException', 'unhandledRejection'] as const;

/** Everything of a process that a test file can change and that outlives it. */
function stateOf(): Record<string, unknown> {
  const open = process.getActiveResourcesInfo();
  return {
    ...Object.fromEntries(Object.entries(process.env).map(([name, value]) => [`process.env.${name}`, value])),
    ...Object.fromEntries(GLOBALS.map((name) => [name, globalThis[name]])),
    ...Object.fromEntries(EVENTS.map((event) => [`listeners of ${event}`, process.listenerCount(event)])),
    'servers that listen': open.filter((name) => name === 'TCPServerWrap').length,
    'working directory': process.cwd(),
  };
}

const before = stateOf();

/** The names of what has changed. */
function leftBehind(): string[] {
  const after = stateOf();
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.filter((name) => before[name] !== after[name]);
}

afterAll(async () => {
  // Undone by vitest before the next test, which may be in another file.
  vi.unstubAllEnvs();
  // A server that was closed is gone one turn of the event loop later.
  await vi.waitFor(() => expect(leftBehind(), 'what this file leaves behind').toEqual([]), 20_000);
});
