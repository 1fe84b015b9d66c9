/** Members of `node:http` that Node gets from undici at their first reading. https://nodejs.org/docs/latest-v24.x/api/http.html#class-websocket */
const FROM_UNDICI = ['WebSocket', 'CloseEvent', 'MessageEvent'] as const;

/** Takes the place of the global class, of which no process of ours makes an instance. */
class NoFormData {}

/**
 * Keeps undici out of a process that never calls `fetch`: 8 MB. Two things load it that nobody asked for:
 * - `import … from 'node:http'` reads all members of that module
 *   (https://github.com/nodejs/node/blob/v24.x/lib/internal/bootstrap/realm.js, `getESMFacade`);
 * - got 16 compares each body with the global `FormData`
 *   (https://github.com/sindresorhus/got/blob/v16.1.0/source/core/index.ts, `_serializeFormDataBody`).
 *
 * The global `fetch` still works, and loads it at its first use. Call this before the first module that imports `node:http` is linked: in a
 * main.ts that imports everything else dynamically.
 */
export function leaveOutUndici(): void {
  const http = process.getBuiltinModule('node:http') as Partial<
    Record<(typeof FROM_UNDICI)[number], unknown>
  >;
  for (const name of FROM_UNDICI) delete http[name];
  // Assigned, because `defineProperty` reads the old value first, and so loads it.
  Object.assign(globalThis, { FormData: NoFormData });
}
