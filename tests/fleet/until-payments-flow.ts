import { onDatabase } from '../crash/transitions.ts';
import { until } from './until.ts';

const FLOWS = `
  SELECT EXISTS (SELECT FROM payments WHERE created_at > to_timestamp($1) AND settled_at IS NOT NULL)
     AND EXISTS (SELECT FROM deliveries WHERE finished_at > to_timestamp($1)) AS flows`;

/**
 * Waits until a payment that was accepted after this time has been settled, and an event delivered.
 *
 * @param url of the server that takes writes now.
 * @param since a time of `Date.now()`.
 */
export const untilPaymentsFlow = (url: () => string, since: number): Promise<void> =>
  until('a payment that is accepted and settled', () =>
    onDatabase(url(), async (client) => {
      const { rows } = await client.query<{ flows: boolean }>(FLOWS, [since / 1000]);
      return rows[0]?.flows === true;
    }),
  );
