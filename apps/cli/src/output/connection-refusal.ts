import { failure, type Outcome } from '../outcome.ts';

/** Says why nothing can be done with a user's connection: there is none, or its credentials cannot be opened. */
export function connectionRefusal(
  outcome: 'no_user' | 'no_connection' | 'sealed',
  { publicId }: { publicId: string },
): Outcome {
  switch (outcome) {
    case 'no_user':
      return failure('not_found', `There is no user ${publicId}.`);
    case 'no_connection':
      return failure('refused', `The user ${publicId} has no connection.`);
    case 'sealed':
      return failure('failed', 'No key in ENCRYPTION_KEYS opens the credentials of this connection.');
  }
}
