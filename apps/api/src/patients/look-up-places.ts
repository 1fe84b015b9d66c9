import { createShares, type Shares } from '@emr-payments/runtime';

/** Questions of one connection in this process that are in the line of all processes; further ones wait here for their place. */
const PER_CONNECTION = 4;
/** Look-ups of one connection that may wait: more of them would not have their turn in time. */
const WAITING_PER_CONNECTION = 100;
/** Questions of one client at once. In a line behind those of other processes they wait without a call, as long as a look-up may take. */
const PER_CLIENT = 32;
/** Questions at once, of all clients together. */
const AT_ONCE = 128;

export type LookUpPlaces = {
  /**
   * Runs `work` when the user's connection and its client have a place.
   *
   * @throws ShareExceededError or LateError: nothing was begun.
   */
  run<T>(owner: { clientPk: number; userId: number }, work: () => Promise<T>): Promise<T>;
};

/**
 * Opens the places of one process's look-ups. The connections of a client take turns in its places, and the clients in those of all, so
 * that neither a client with many practices nor one practice takes the others' turns.
 *
 * @param input.waitMs longest wait for a place.
 */
export function createLookUpPlaces({ waitMs }: { waitMs: number }): LookUpPlaces {
  const all = createShares({
    ...{ places: AT_ONCE, perOwner: PER_CLIENT, waitingPerOwner: PER_CLIENT, waitMs },
    work: 'look-ups of patients of one client',
  });
  const clients = new Map<number, { shares: Shares; requests: number }>();
  const ofClient = () =>
    createShares({
      ...{ places: PER_CLIENT, perOwner: PER_CONNECTION, waitingPerOwner: WAITING_PER_CONNECTION, waitMs },
      work: 'look-ups of patients of one connection',
    });

  return {
    async run({ clientPk, userId }, work) {
      const client = clients.get(clientPk) ?? { shares: ofClient(), requests: 0 };
      clients.set(clientPk, client);
      client.requests += 1;
      try {
        return await client.shares.run(userId, () => all.run(clientPk, work));
      } finally {
        client.requests -= 1;
        if (client.requests === 0) clients.delete(clientPk);
      }
    },
  };
}
