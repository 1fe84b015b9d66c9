import { Type } from '@sinclair/typebox';
import { nullable, timeOf } from './replies.ts';

/** The states of a connection, each with what it says. */
export const HEALTH_STATES = {
  connected: 'the EMR answers',
  degraded: 'some requests to the EMR fail',
  login_required:
    'the EMR rejects the credentials, and nothing is sent until they are replaced, or for an hour',
  unreachable: 'the EMR does not answer, or only with failures',
} as const;

/** How a connection is, for integrators and for operators. */
export const ConnectionHealthSchema = Type.Object(
  {
    state: Type.Unsafe<keyof typeof HEALTH_STATES>({
      type: 'string',
      description: `${Object.entries(HEALTH_STATES)
        .map(([state, says]) => `\`${state}\`: ${says}.`)
        .join(' ')} In the last two no payment is posted; all wait. New states may be added.`,
      examples: ['connected'],
    }),
    since: timeOf('Since when it is in this state.'),
    last_success_at: nullable(
      timeOf('When the EMR last answered, up to a minute old; null when no answer is known.'),
    ),
    last_trouble: nullable(
      Type.Object(
        {
          code: Type.String({
            description: 'For programs. New codes may be added.',
            examples: ['unauthorized'],
          }),
          message: Type.String({ description: "For a person, in this service's own words." }),
          at: timeOf('When it was; an equal one is noted once a minute.'),
        },
        {
          title: 'ConnectionTrouble',
          description: 'The last trouble with the EMR, also when it is over; null when there was none.',
        },
      ),
    ),
  },
  { title: 'ConnectionHealth', description: 'How the connection is, by the exchanges with the EMR.' },
);
