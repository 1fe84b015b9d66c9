import { setTimeout as pause } from 'node:timers/promises';
import { type IQueueBackend, isNotConnectionError } from 'bullmq';

/** Without it, a worker whose server refuses at once would fetch hundreds to thousands of times a second. */
const AGAIN_AFTER_MS = 500;

/**
 * Makes a worker of BullMQ pause after a fetch that has failed. BullMQ 6.7 does so itself (`runRetryDelay`) only where the connection was refused or closed; after
 * any other error, such as that of a server that has become read-only or of a right that is missing, it fetches again at once.
 *
 * @returns the same backend.
 */
export function restAfterFailedFetch<Backend extends Pick<IQueueBackend, 'moveToActive'>>(
  backend: Backend,
): Backend {
  const fetch = backend.moveToActive.bind(backend);
  backend.moveToActive = async (...asked) => {
    try {
      return await fetch(...asked);
    } catch (error) {
      if (isNotConnectionError(error as Error)) await pause(AGAIN_AFTER_MS);
      throw error;
    }
  };
  return backend;
}
