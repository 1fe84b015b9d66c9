import { type Static, Type } from '@sinclair/typebox';
import { always, bigInteger, nullable, timeOf } from './replies.ts';

/** Every state of a sync, in the order of its life. */
export const SYNC_STATUSES = ['waiting', 'running', 'done', 'failed', 'canceled'] as const;
export type SyncStatus = (typeof SYNC_STATUSES)[number];

export const JobKindSchema = Type.Unsafe<'post_payment' | 'sync_connection'>({
  title: 'JobKind',
  type: 'string',
  enum: ['post_payment', 'sync_connection'],
  description:
    '`post_payment`: the work on one payment. `sync_connection`: one sync of the connection with the EMR.',
});

const count = (description: string) => Type.Integer({ minimum: 0, description, examples: [0] });

/** One sync of a connection, in the job that carries it out. */
export const SyncSchema = Type.Object(
  {
    kind: Type.Unsafe<'full' | 'incremental'>({
      type: 'string',
      description:
        '`full`: all patients are read. `incremental`: those that have changed since the last sync.',
      examples: ['full'],
    }),
    started_by: Type.Unsafe<'schedule' | 'request'>({
      type: 'string',
      description: '`schedule` or `request` (`POST /v1/sync`).',
      examples: ['request'],
    }),
    pages: count("Pages of the EMR's list that were read so far."),
    seen: count('Records that were read, each once.'),
    added: count('MRNs that got an EMR patient id and had none.'),
    changed: count('MRNs that got another EMR patient id.'),
    closed: count('MRNs that lost theirs: the EMR has closed, merged or deleted the record.'),
    ambiguous: count(
      'MRNs that lost theirs because several records of the EMR have the MRN. Payments for them are refused until one is gone.',
    ),
    unreadable: count(
      'Records that could not be read. While there are any, nothing is closed because it is missing.',
    ),
    conflicts: count(
      'MRNs whose EMR patient id was given by a file or by you and is another one in the EMR. It was left as it is; correct it if it is wrong.',
    ),
    reason: nullable(
      Type.String({
        description: 'Why it waits or has failed, for a person; null when nothing is wrong.',
        examples: ['The EMR did not answer in time.'],
      }),
    ),
    next_try_at: nullable(
      timeOf('When it goes on, at the earliest; null while it is running and after its end.'),
    ),
    started_at: nullable(timeOf('When it was begun.')),
  },
  { title: 'Sync', description: 'Of a sync, how far it is; null for a payment.' },
);
export type SyncView = Static<typeof SyncSchema>;

/** Body of `POST /v1/sync`. */
export const SyncBodySchema = Type.Object(
  {
    full: Type.Optional(
      Type.Boolean({
        description:
          'true: read all patients, also where the EMR can list what has changed. Ask for it after records with one MRN were corrected in the EMR.',
      }),
    ),
  },
  { $id: 'SyncBody', additionalProperties: false, description: 'May be left out' },
);
export type SyncBody = Static<typeof SyncBodySchema>;

/** Answer to `POST /v1/sync`. */
export const SyncReplySchema = Type.Object(
  {
    success: always(true),
    message: Type.String({
      description: 'For people.',
      examples: ['Sync started. GET the job to follow it.'],
    }),
    job_id: bigInteger({
      description: 'The job that carries it out: `GET /v1/jobs/{job_id}`.',
      examples: [12346],
    }),
  },
  { $id: 'SyncReply', description: 'The sync is started, or was already' },
);
export type SyncReply = Static<typeof SyncReplySchema>;
