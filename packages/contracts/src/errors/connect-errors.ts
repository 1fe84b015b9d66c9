import type { ErrorEntry } from './error-entry.ts';

/** Errors about connect sessions, by which practices connect themselves. */
export const CONNECT_ERRORS = {
  connect_session_not_found: {
    status: 404,
    retry: 'never',
    about:
      "There is no connect session of this id, or it is another client's, or it is older than sessions are kept.",
    sentence: () => 'Connect session not found.',
  },
  connect_unavailable: {
    status: 409,
    retry: 'never',
    about: 'This service has no connect page: its operator has not set `PUBLIC_URL` for the API.',
    sentence: () =>
      'This service has no connect page. Ask its operator to set PUBLIC_URL, or to connect the practice.',
  },
  connect_session_open: {
    status: 409,
    retry: 'always',
    about: 'The person has not finished connecting. Wait for the event `user.connected`.',
    sentence: () =>
      'The person has not finished connecting the practice. Wait for the event user.connected, then try again.',
  },
  connect_session_over: {
    status: 409,
    retry: 'never',
    about:
      'The connect session was canceled, or its time was over before the person finished. Create another one.',
    sentence: () => 'This connect session ended without a connection. Create another one.',
  },
  connect_session_limit_reached: {
    status: 409,
    retry: 'always',
    about:
      'A client has at most 500 connect sessions that are open. They end by themselves after 15 minutes.',
    sentence: () =>
      'You have the most connect sessions that can be open at a time. Try again when one of them has ended.',
  },
  access_token_given_out: {
    status: 409,
    retry: 'never',
    about:
      'The access token of this user has been given out already: by an earlier request, or before this session, which renewed a login. ' +
      'Go on using it. If it is lost, the operator can give the user another one.',
    sentence: () =>
      'The access token of this user has been given out already: go on using it. If it is lost, ask the operator for another one.',
  },
} as const satisfies Record<string, ErrorEntry>;
