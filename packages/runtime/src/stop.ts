import { setFlagsFromString } from 'node:v8';
import closeWithGrace from 'close-with-grace';
import { ConfigError } from './config.ts';
import type { Logger } from './logger.ts';
import { print } from './print.ts';
import { Stopping } from './stopping.ts';

/** Remembers what has been opened, to close it last first; after a start that fails half-way, as far as it is open. */
export class Releases {
  /** A part that is released may wait here for the end of the drain: see `runProcess`. */
  readonly stopping = new Stopping();
  #stack: { name: string; close: () => Promise<unknown> | unknown }[] = [];

  /** Remembers how to close a resource, and returns the resource. */
  add<T>(name: string, resource: T, close: (resource: T) => Promise<unknown> | unknown): T {
    this.#stack.push({ name, close: () => close(resource) });
    return resource;
  }

  /** Closes everything, last opened first. A failure is logged, and the others are closed all the same. */
  async close(logger: Logger): Promise<void> {
    for (let next = this.#stack.pop(); next !== undefined; next = this.#stack.pop()) {
      try {
        await next.close();
      } catch (error) {
        logger.error({ err: error, code: next.name }, 'could not close cleanly');
      }
    }
  }
}

/**
 * Keeps V8 from allocating new objects directly in the old generation ("allocation site pretenuring"). V8 decides that once,
 * by what happened to be alive at one collection, and keeps to it for the rest of the process's life: under load a third of
 * all API processes had their requests and answers allocated there, and needed 1.4 times the processor time as long as they
 * lived (docs/performance-notes.md). NODE_OPTIONS does not accept this flag, so it is set here, before V8 has anything to decide.
 */
function keepNewObjectsYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}

/** The signals that ask for a stop. Any other one that ends a process is handled by close-with-grace, without a drain. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Runs a process from start to stop. SIGTERM and SIGINT first begin the stop, so that readiness answers `stopping`, and then
 * close what `start` opened, last first. A release that has to wait until nobody sends work any more awaits
 * `releases.stopping.drained()`; the others begin at once. A second signal ends the drain, a third one the process.
 *
 * Everything together may take `drainMs` and `graceMs`. Work that has not ended by then is cut off, which loses nothing: it is
 * recorded in Postgres, and another worker takes it over.
 *
 * @param start opens everything, and adds it to `releases`.
 */
export async function runProcess(
  { logger, graceMs, drainMs = 0 }: { logger: Logger; graceMs: number; drainMs?: number },
  start: (releases: Releases) => Promise<void>,
): Promise<void> {
  keepNewObjectsYoung();
  const releases = new Releases();
  const { stopping } = releases;
  const grace = closeWithGrace(
    { delay: drainMs + graceMs, logger: false, skip: [...STOP_SIGNALS] },
    async ({ signal, err }) => {
      if (err !== undefined) logger.error({ err }, 'stopping after an unhandled error');
      else if (!stopping.signal.aborted) logger.info(signal === undefined ? {} : { signal }, 'stopping');
      stopping.begin({ drainMs: 0 });
      await releases.close(logger);
      logger.info({}, 'stopped');
    },
  );
  for (const signal of STOP_SIGNALS) {
    process.on(signal, () => {
      if (!stopping.signal.aborted) {
        logger.info({ signal }, 'stopping');
        stopping.begin({ drainMs });
        grace.close();
      } else if (stopping.hurry()) logger.info({ signal }, 'stopping without further delay');
      else process.exit(1);
    });
  }
  try {
    await start(releases);
  } catch (error) {
    // Somebody reads this on a terminal: print the sentence, not the stack.
    print('stderr', `${error instanceof Error ? error.message : String(error)}\n`);
    logger.error(
      error instanceof ConfigError ? { reason: error.message } : { err: error },
      'could not start',
    );
    await releases.close(logger);
    process.exit(1);
  }
}
