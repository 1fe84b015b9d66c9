import { type Static, type TSchema, type TUnsafe, Type } from '@sinclair/typebox';
import { envelope, eventHead, NO_JOB } from './event-envelope.ts';
import type { OurSentence } from './our-sentence.ts';
import { timeOf } from './replies.ts';

/** The states in which a connection is broken: one of these ends an outage-free time, and nothing is posted meanwhile. */
export const BROKEN_STATES = ['login_required', 'unreachable'] as const;
export type BrokenState = (typeof BROKEN_STATES)[number];

const User = Type.String({
  description: 'The user whose connection it is.',
}) as unknown as TUnsafe<string>;

const connectionEnvelope = <T extends string, D extends TSchema>(input: {
  type: T;
  data: D;
  $id: string;
  description: string;
}) => envelope({ ...input, user: User, job: NO_JOB });

const Sequence = Type.Integer({
  minimum: 1,
  description:
    "Place of this event among the connection's events of this user: it grows. Order by it, not by `created`, which has whole seconds.",
  examples: [1],
});

export const ConnectionBrokenEventSchema = connectionEnvelope({
  type: 'connection.broken',
  data: Type.Object(
    {
      state: Type.String({
        description:
          '`login_required`: the EMR rejects the credentials, and a person has to give new ones. `unreachable`: the EMR does not ' +
          'answer, or only with failures. New states may be added.',
        examples: ['login_required'],
      }) as unknown as TUnsafe<BrokenState>,
      code: Type.String({
        description: 'The trouble of the exchange that showed it, for programs. New codes may be added.',
        examples: ['unauthorized'],
      }),
      reason: Type.String({ description: "Why, for a person, in this service's own words." }),
      since: timeOf('Since when the connection is in this state.'),
      sequence: Sequence,
    },
    {
      title: 'BrokenConnection',
      additionalProperties: true,
      description: 'A connection over which nothing can be posted.',
    },
  ),
  $id: 'ConnectionBrokenEvent',
  description:
    "Nothing can be posted over the user's EMR connection. Payments are accepted and wait, and nothing is lost. An outage has one " +
    'such event, and one `connection.restored` when it has ended.',
});

export const ConnectionRestoredEventSchema = connectionEnvelope({
  type: 'connection.restored',
  data: Type.Object(
    {
      state: Type.String({
        description: 'The present state: `connected`. New states may be added.',
        examples: ['connected'],
      }) as unknown as TUnsafe<'connected'>,
      code: Type.String({
        description: 'The trouble that the outage ended with, for programs. New codes may be added.',
        examples: ['unauthorized'],
      }),
      reason: Type.String({ description: 'What has ended, for a person.' }),
      since: timeOf('When the EMR answered again.'),
      sequence: Sequence,
    },
    {
      title: 'RestoredConnection',
      additionalProperties: true,
      description: 'A connection that works again.',
    },
  ),
  $id: 'ConnectionRestoredEvent',
  description: "The user's EMR connection works again, and the payments that waited are posted.",
});

export const UserConnectedEventSchema = connectionEnvelope({
  type: 'user.connected',
  data: Type.Object(
    {
      user_id: Type.String({
        description: 'The user: the same as `access_token_reference_id`.',
        examples: ['user_1J9X2q2eZvKYlo2Cxyz'],
      }),
      connect_session_id: Type.String({
        description: 'The connect session by which the practice connected itself.',
      }),
    },
    {
      title: 'ConnectedUser',
      additionalProperties: true,
      description: 'A practice that connected itself.',
    },
  ),
  $id: 'UserConnectedEvent',
  description: 'A practice has connected its EMR by a link of yours, or has given new credentials for it.',
});

export type ConnectionBrokenEvent = Static<typeof ConnectionBrokenEventSchema>;
export type ConnectionRestoredEvent = Static<typeof ConnectionRestoredEventSchema>;
export type UserConnectedEvent = Static<typeof UserConnectedEventSchema>;

type UserEventInput = { eventId: string; created: Date; userPublicId: string };

type HealthEventInput = UserEventInput & {
  code: string;
  reason: OurSentence;
  since: Date;
  /** Grows with each event of the user's connection. */
  sequence: number;
};

function head<T extends string>(type: T, { eventId, created, userPublicId }: UserEventInput) {
  return eventHead({ eventId, created, type, user: userPublicId, job: null });
}

/** Makes the event of a connection over which nothing can be posted. */
export function connectionBrokenEvent(
  input: HealthEventInput & { state: BrokenState },
): ConnectionBrokenEvent {
  const { state, code, reason, since, sequence } = input;
  const data = { state, code, reason, since: since.toISOString(), sequence };
  return { ...head('connection.broken', input), data };
}

/** Makes the event of a connection that works again. `code` is that of the trouble that has ended. */
export function connectionRestoredEvent(input: HealthEventInput): ConnectionRestoredEvent {
  const { code, reason, since, sequence } = input;
  const data = { state: 'connected' as const, code, reason, since: since.toISOString(), sequence };
  return { ...head('connection.restored', input), data };
}

/** Makes the event of a practice that connected itself. */
export function userConnectedEvent(input: UserEventInput & { connectSessionId: string }): UserConnectedEvent {
  const { userPublicId, connectSessionId } = input;
  const data = { user_id: userPublicId, connect_session_id: connectSessionId };
  return { ...head('user.connected', input), data };
}
