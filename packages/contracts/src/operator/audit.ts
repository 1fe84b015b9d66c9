import { type Static, Type } from '@sinclair/typebox';
import { bigInteger, listOf, nullable, PAGE_QUERY, replyOf, timeOf } from '../replies.ts';
import { AT, filterOf, listExample, refTo, replyExample, withExample } from './parts.ts';

export const AuditEntrySchema = Type.Object(
  {
    id: bigInteger({ description: 'Its number; later entries have greater ones.', examples: [4711] }),
    at: timeOf('When it was written.'),
    actor: Type.String({
      description: '`cli:<account>`, `operator:<key id>`, `client:<client_id>` or `system`.',
      examples: ['operator:opk_1J9X2q2eZvKYlo2CluR9g9gV'],
    }),
    user_id: nullable(Type.String({ description: 'The user for whom a client acted.' })),
    source: Type.String({ description: 'The address or host that it came from.', examples: ['203.0.113.9'] }),
    action: Type.String({ description: 'What was done.', examples: ['client.rotate_secret'] }),
    subject: Type.String({ description: 'To which record.', examples: ['client:ci_live_1J9X2q2eZvKYlo2Cl'] }),
    outcome: Type.String({ description: '`done`, `refused` or `failed`.', examples: ['done'] }),
    count: Type.Integer({ minimum: 1, description: 'How many equal actions it counts.' }),
    minute: nullable(
      timeOf('The beginning of the minute whose actions it counts; null for a single action.'),
    ),
    detail: nullable(
      Type.Unsafe<Record<string, unknown>>({
        type: 'object',
        title: 'AuditDetail',
        additionalProperties: true,
        description: 'Facts about the action that are not secret.',
      }),
    ),
  },
  { $id: 'AuditEntry', description: 'Who did what to which record, from where.' },
);
export type AuditEntry = Static<typeof AuditEntrySchema>;

export const AuditListSchema = withExample(
  listOf('AuditList', refTo(AuditEntrySchema), 'Entries of the audit log, newest first'),
  listExample('Audit log.', {
    id: 4711,
    at: AT,
    actor: 'operator:opk_1J9X2q2eZvKYlo2CluR9g9gV',
    user_id: null,
    source: '203.0.113.9',
    action: 'client.rotate_secret',
    subject: 'client:ci_live_1J9X2q2eZvKYlo2Cl',
    outcome: 'done',
    count: 1,
    minute: null,
    detail: null,
  }),
);

export const AuditQuerySchema = Type.Object(
  {
    actor: filterOf('Only what this actor did, such as `cli:alice` or `client:ci_…`.'),
    user_id: filterOf('Only what a client did for this user.'),
    source: filterOf('Only what came from this address or host.'),
    subject: filterOf('Only about this record, such as `payment:123e4567e89b12d3a456426614174001`.'),
    action: filterOf('Only this action, such as `payment.resolve`.'),
    outcome: Type.Optional(
      Type.Unsafe<'done' | 'refused' | 'failed'>({
        type: 'string',
        enum: ['done', 'refused', 'failed'],
        description: 'Only with this outcome.',
      }),
    ),
    since: Type.Optional(
      Type.String({ format: 'date-time', description: 'Only entries from this time on.' }),
    ),
    ...PAGE_QUERY,
  },
  { additionalProperties: false },
);

const Check = Type.Object(
  {
    check: Type.String({ description: 'What was checked.', examples: ['migrations'] }),
    state: Type.Unsafe<'ok' | 'warn' | 'failed'>({
      type: 'string',
      enum: ['ok', 'warn', 'failed'],
      description: '`warn`: it works, but somebody should look at it.',
    }),
    found: Type.String({ description: 'What was found, in words.', examples: ['all applied'] }),
  },
  { title: 'ServiceCheck', description: 'One check of the service.' },
);

export const StatusReplySchema = withExample(
  replyOf(
    'OperatorStatus',
    Type.Object(
      {
        ok: Type.Boolean({ description: 'false: a check has failed.' }),
        checks: Type.Array(Check, {
          description: 'The checks in the order in which they depend on each other.',
        }),
      },
      { title: 'ServiceStatus', description: 'Can the service take and post payments?' },
    ),
    'What `emr-payments doctor` finds in the process that answers',
  ),
  replyExample('Everything is in order.', {
    ok: true,
    checks: [{ check: 'migrations', state: 'ok', found: 'all applied' }],
  }),
);
