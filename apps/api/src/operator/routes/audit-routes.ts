import { type AuditEntry, AuditListSchema, AuditQuerySchema } from '@emr-payments/contracts/operator';
import type { ListedAudit } from '@emr-payments/db';
import { listAudit } from '@emr-payments/operations';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { sendError } from '../../errors/send-error.ts';
import { operatorOf } from '../../http/operator-caller.ts';
import { pageFrom, pageOf, timeFrom } from '../../http/page.ts';
import { missingOwner } from '../answers.ts';
import type { OperatorDeps } from '../deps.ts';
import { OPERATOR_FIELD_RULES as fieldRules } from '../field-rules.ts';
import { operatorOperation } from '../operation.ts';

const view = (entry: ListedAudit): AuditEntry => ({
  id: Number(entry.id),
  at: entry.at.toISOString(),
  actor: entry.actor,
  user_id: entry.userId,
  source: entry.source,
  action: entry.action,
  subject: entry.subject,
  outcome: entry.outcome,
  count: entry.count,
  minute: entry.minute?.toISOString() ?? null,
  detail: entry.detail as AuditEntry['detail'],
});

/** Ids of entries are their order. */
const ID = /^\d{1,15}$/;

/** `GET /operator/v1/audit`: who did what to which record, from where. */
export const auditRoutes: FastifyPluginAsyncTypebox<OperatorDeps> = async (app, deps) => {
  const { database } = deps;
  app.route({
    method: 'GET',
    url: '/operator/v1/audit',
    schema: {
      ...operatorOperation({
        operationId: 'listAudit',
        tag: 'Service',
        summary: 'List entries of the audit log',
        description: 'Newest first. What clients can do any number of times is counted by the minute.',
        scope: 'audit:read',
        reply: AuditListSchema,
        errors: ['record_not_found', 'read_too_costly'],
      }),
      querystring: AuditQuerySchema,
    },
    config: { fieldRules },
    handler: async (request, reply) => {
      const { user_id: user, since: from, limit: _limit, cursor: _cursor, ...filter } = request.query;
      const since = from === undefined ? undefined : timeFrom(from);
      const read = pageFrom(request, { ids: ID });
      if (read.outcome === 'invalid') return sendError(request, reply, 'invalid_field', read);
      const { page } = read;
      const before = page.after === null ? undefined : BigInt(page.after.id);
      const rows = await deps.costly.run({ clientPk: operatorOf(request).keyPk }, () =>
        listAudit({ database }, { ...filter, user, since, before, limit: page.limit + 1 }),
      );
      const missing = rows.length === 0 ? await missingOwner(deps, request, { publicId: user }) : null;
      if (missing !== null) return sendError(request, reply, 'record_not_found', { record: missing });
      const placeOf = ({ at, id }: ListedAudit) => ({ createdAt: at, id: String(id) });
      const { rows: shown, ...more } = pageOf(rows, { ...page, placeOf });
      return reply.send({ success: true, message: 'Audit log.', data: shown.map(view), ...more });
    },
  });
};
