import { type TSchema, type TUnsafe, Type } from '@sinclair/typebox';
import { EVENT_ID_PATTERN } from './ids.ts';
import { nullable, onlyText } from './replies.ts';

const MAY_GROW = 'Further fields may be added: ignore those that you do not know.';

/** A text of the envelope that this kind of event does not have. */
export const alwaysNull = (description: string) => nullable(Type.String({ description })) as TUnsafe<null>;

/** The job of an event that concerns none. */
export const NO_JOB = alwaysNull('Always null: it concerns no job.');

/** The published envelope around `data`, which may get further fields. Its key order is the published one. */
export function envelope<
  T extends string,
  D extends TSchema,
  User extends TUnsafe<string> | TUnsafe<null>,
  Job extends TUnsafe<string> | TUnsafe<null>,
>(input: { type: T; user: User; job: Job; data: D; $id: string; description: string }) {
  const { type, user, job, data, $id, description } = input;
  return Type.Object(
    {
      id: Type.String({
        pattern: EVENT_ID_PATTERN,
        description: 'Id of the event; also in the header `webhook-id`.',
      }),
      access_token_reference_id: user,
      object: onlyText('event'),
      created: Type.String({
        format: 'date-time',
        description: 'When the event happened, in UTC and whole seconds.',
      }),
      type: onlyText(type),
      job_id: job,
      data,
    },
    { $id, additionalProperties: true, description: `${description} ${MAY_GROW}` },
  );
}

/** Makes the fields of an event before its `data`, in the published order. */
export function eventHead<T extends string, User extends string | null, Job extends string | null>(input: {
  eventId: string;
  created: Date;
  type: T;
  user: User;
  job: Job;
}) {
  return {
    id: input.eventId,
    access_token_reference_id: input.user,
    object: 'event' as const,
    created: `${input.created.toISOString().slice(0, 19)}Z`,
    type: input.type,
    job_id: input.job,
  };
}
