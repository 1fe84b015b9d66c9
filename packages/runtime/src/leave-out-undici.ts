/** Members of `node:http` that Node gets from undici at their first reading. https://nodejs.org/docs/latest-v24.x/api/http.html#class-websocket */
const FROM_UNDICI = ['WebSocket', 'CloseEvent', 'MessageEvent'] as const;

/**
 * Keeps undici out of a process that never calls `fetch`: 8 MB. `import … from 'node:http'` reads all members of that module, and so
 * loads it (https://github.com/nodejs/node/blob/v24.x/lib/internal/bootstrap/realm.js, `getESMFacade`). The global `fetch` and
 * `WebSocket` still work, and load it at their first use.
 *
 * Call it before the first module that imports `node:http` is linked: in a main.ts that imports everything else dynamically.
 */
export function leaveOutUndici(): void {
  const http = process.getBuiltinModule('node:http') as Partial<
    Record<(typeof FROM_UNDICI)[number], unknown>
  >;
  for (const name of FROM_UNDICI) delete http[name];
}
