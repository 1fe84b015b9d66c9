import { state } from './state.js';
import { BROKEN } from './words.js';

const API = new URL('../api/', import.meta.url);

/** Asks the service. A failure is an answer too: `problem` is its sentence, and the outcome `over` says that there is no session. */
export async function ask(path, body) {
  // Names the session that this window shows: a second link in the same browser takes its cookie over.
  const shown = state.session?.id ?? '1';
  const answer = await fetch(new URL(path, API), {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      'x-emr-connect': shown,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch(() => null);
  if (answer === null) return { problem: BROKEN };
  const read = await answer.json().catch(() => ({}));
  if (answer.ok) return read.data;
  if (read.code === 'connect_session_not_found') return { outcome: 'over' };
  return { problem: read.message ?? BROKEN };
}
