import type { FastifyInstance } from 'fastify';
import type { Ledger } from '../ledger.ts';
import { viewPosting } from '../posting-view.ts';
import type { Practice } from '../practice.ts';

/** Lists the ledger for checkers, oldest first: every entry, or those after number `since`. */
export async function ledgerRoutes(
  app: FastifyInstance,
  { ledger, practice }: { ledger: Ledger; practice: Practice },
): Promise<void> {
  app.get<{ Querystring: { since: number } }>(
    '/ledger',
    {
      schema: {
        querystring: { type: 'object', properties: { since: { type: 'integer', minimum: 0, default: 0 } } },
      },
    },
    async (request) => {
      const entries = ledger.entries.slice(request.query.since);
      await entries.at(-1)?.written;
      return { count: ledger.size(), entries: entries.map((entry) => viewPosting({ practice }, entry)) };
    },
  );
}
