import type { ErrorEntry } from './error-entry.ts';

/** Errors about webhook endpoints, events and recoveries. */
export const WEBHOOK_ERRORS = {
  endpoint_not_found: {
    status: 404,
    retry: 'never',
    about: "There is no webhook endpoint of this id, or it is another client's, or it was deleted.",
    sentence: () => 'Webhook endpoint not found.',
  },
  event_not_found: {
    status: 404,
    retry: 'never',
    about: "There is no event of this id, or it is another client's, or it is older than events are kept.",
    sentence: () => 'Event not found.',
  },
  recovery_not_found: {
    status: 404,
    retry: 'never',
    about: 'This endpoint has no recovery of this id.',
    sentence: () => 'Recovery not found.',
  },
  endpoint_disabled: {
    status: 409,
    retry: 'never',
    about: 'The webhook endpoint is disabled. Enable it first.',
    sentence: () => 'The webhook endpoint is disabled. Enable it first.',
  },
  endpoint_exists: {
    status: 409,
    retry: 'never',
    about:
      'An enabled webhook endpoint of yours has this URL already; the message has its id. Each event would be sent there twice.',
    sentence: ({ endpoint }) =>
      `Your enabled webhook endpoint ${endpoint} has this URL already. Change that one, or disable or delete it first.`,
  },
  endpoint_limit_reached: {
    status: 409,
    retry: 'never',
    about: 'A client has at most 50 webhook endpoints. Delete one first.',
    sentence: () => 'You have the most webhook endpoints that a client can have. Delete one first.',
  },
  recovery_limit_reached: {
    status: 409,
    retry: 'always',
    about:
      'A client has at most 50 recoveries that are still searching for events, and 200 that are not done. Wait until one has its `total`, or is done.',
    sentence: () =>
      'You have the most recoveries that can be searching for events, or that can be running, at a time. Try again when one of them has its total, or is done.',
  },
  nothing_to_redeliver: {
    status: 409,
    retry: 'never',
    about:
      'The event already waits for its next attempt, which stays at its time, or no enabled endpoint subscribes to its type. The `hint` says how to send it now.',
    sentence: ({ endpoint }) =>
      endpoint === undefined
        ? 'Nothing was sent again: no enabled endpoint subscribes to the type of the event.'
        : `Nothing was sent again: the event already waits for its next attempt at the webhook endpoint${endpoint.includes(',') ? 's' : ''} ${endpoint}.`,
  },
  test_in_progress: {
    status: 409,
    retry: 'always',
    about:
      'A test of this endpoint is running, or four tests of this client are running or waiting, or too many in this process.',
    sentence: () => 'Another test is under way. Try again when it is over.',
  },
} as const satisfies Record<string, ErrorEntry>;
