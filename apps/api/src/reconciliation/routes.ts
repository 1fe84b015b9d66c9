import type { ReconciliationQuery, ReconciliationReply } from '@emr-payments/contracts';
import { archivedBefore, type ReconciliationTallies, reconcile } from '@emr-payments/db';
import { within } from '@emr-payments/runtime';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { authenticateHook, callerOf, type UserRouteDeps } from '../auth/authenticate-hook.ts';
import type { CostlyReads } from '../bulkheads/costly-reads.ts';
import { sendError } from '../errors/send-error.ts';
import { preferredType } from '../http/preferred-type.ts';
import { reconciliationCsv } from './csv.ts';
import { RECONCILIATION_RULES, reconciliationOperation } from './operation.ts';

const JSON_TYPE = 'application/json; charset=utf-8';
const CSV_TYPE = 'text/csv; charset=utf-8; header=present';

/** With their parameters: a request for `text/csv;charset=utf-8` does not match a bare `text/csv`. */
const JSON_OR_CSV = [JSON_TYPE, CSV_TYPE];

/** `GET /v1/reconciliation`. */
export const reconciliationRoutes: FastifyPluginAsyncTypebox<
  UserRouteDeps & { costly: CostlyReads }
> = async (app, deps) => {
  app.get(
    '/v1/reconciliation',
    {
      schema: reconciliationOperation,
      config: { fieldOrder: Object.keys(RECONCILIATION_RULES), fieldRules: RECONCILIATION_RULES },
      onRequest: authenticateHook(deps),
    },
    async (request, reply) => {
      const { date, format, bom = false, ...query }: ReconciliationQuery = request.query;
      const location = query.location ?? null;
      const { clientPk, userId } = callerOf(request);
      const reconciled = await within(
        deps.limits.waitMs,
        deps.costly.run({ clientPk }, async (costly) => {
          const counted = await reconcile(costly, { userId, date, location });
          return { ...counted, archived: await archivedBefore(costly) };
        }),
      );
      if (reconciled.outcome === 'too_many_names') return sendError(request, reply, 'read_too_costly');
      const { reconciliation: result } = reconciled;
      reply.header('vary', 'accept');
      // JSON comes first: it is the answer when the header is absent or has no preference.
      const csv = format === undefined ? preferredType(request, JSON_OR_CSV) === CSV_TYPE : format === 'csv';
      if (csv) {
        return reply
          .type(CSV_TYPE)
          .header('content-disposition', `attachment; filename="reconciliation-${date}.csv"`)
          .send(reconciliationCsv(result, { date, location, bom }));
      }
      const body: ReconciliationReply = {
        success: true,
        message: `Payments of ${date}.`,
        data: {
          date,
          location,
          archived_before: reconciled.archived?.toISOString() ?? null,
          methods: result.methods.map(({ paymentMethod, ...tallies }) => ({
            payment_method: paymentMethod,
            ...talliesView(tallies),
          })),
          totals: talliesView(result.totals),
        },
      };
      return reply.type(JSON_TYPE).send(body);
    },
  );
};

function talliesView(tallies: ReconciliationTallies) {
  const view = ({ count, amount }: { count: number; amount: string }) => ({ count, amount: Number(amount) });
  return {
    accepted: view(tallies.accepted),
    posted: view(tallies.posted),
    failed: view(tallies.failed),
    needs_review: view(tallies.needs_review),
    open: view(tallies.open),
  };
}
