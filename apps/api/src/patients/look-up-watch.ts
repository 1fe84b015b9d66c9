import { type Database, type LookUpPlace, type LookUpProgress, readLookUps } from '@emr-payments/db';

/** Between two looks: what another process publishes is seen so much later. */
const EVERY_MS = 60;

export type LookUpWatch = {
  /**
   * Reads, a moment later, how far a question is. One statement serves all that wait in this process.
   *
   * @returns null when its process has given it up, or has died.
   * @throws DatabaseUnavailableError when PostgreSQL does not answer.
   */
  look(place: LookUpPlace): Promise<LookUpProgress | null>;
};

type Waiting = PromiseWithResolvers<LookUpProgress | null> & { place: LookUpPlace };

export function createLookUpWatch(deps: { database: Pick<Database, 'pool'> }): LookUpWatch {
  let waiting: Waiting[] = [];

  async function read(): Promise<void> {
    const looking = waiting;
    waiting = [];
    try {
      const progress = await readLookUps(
        deps,
        looking.map(({ place }) => place),
      );
      for (const { place, resolve } of looking) resolve(progress.get(place.id) ?? null);
    } catch (error) {
      for (const { reject } of looking) reject(error);
    }
  }

  return {
    look(place) {
      const one = { ...Promise.withResolvers<LookUpProgress | null>(), place };
      if (waiting.length === 0) setTimeout(() => void read(), EVERY_MS);
      waiting.push(one);
      return one.promise;
    },
  };
}
