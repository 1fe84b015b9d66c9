/**
 * Sentences for a person at a practice, by the status of the request that failed. The check's own sentence quotes the EMR, whose words
 * may name a patient: nothing of it is shown.
 */
const BY_STATUS: readonly { from: number; to: number; words: string }[] = [
  {
    from: 401,
    to: 401,
    words: 'The EMR does not accept these credentials. Check them, and whether they have expired.',
  },
  {
    from: 403,
    to: 403,
    words:
      'The EMR knows these credentials, but does not permit reading what posting payments needs. Give them that right in the EMR.',
  },
  {
    from: 404,
    to: 410,
    words: 'There is no interface of this EMR at this address. Check the address.',
  },
  { from: 429, to: 429, words: 'The EMR asks us to slow down. Try again in a few minutes.' },
  {
    from: 300,
    to: 399,
    words: 'The address leads somewhere else. Give the address of the EMR itself.',
  },
  {
    from: 400,
    to: 499,
    words: 'The EMR refuses the test of the connection. Check the address and the credentials.',
  },
  { from: 500, to: 599, words: 'The EMR has a problem of its own at the moment. Try again later.' },
];

const LOGIN_ENDED =
  'The login at the EMR has ended or was refused. Check the credentials, or log in at the EMR again.';
const NOT_REACHED =
  'The EMR could not be reached at this address. Check the address, and whether the EMR can be reached from the internet.';
const NOT_USABLE =
  'The EMR answered, but the connection cannot be used like this. Ask who sent you this link for help.';

/** Says in our own words why a check failed, by its sentence for the operator. */
export function plainReason(reason: string): string {
  // The request and its status are ours and come first; the EMR's words, which could imitate them, come after.
  const status = Number(/^[^:]*? answered HTTP (\d{3})\b/.exec(reason)?.[1] ?? Number.NaN);
  const known = BY_STATUS.find(({ from, to }) => status >= from && status <= to);
  if (known !== undefined) return known.words;
  if (/login of this connection has ended|token endpoint/.test(reason)) return LOGIN_ENDED;
  return /^[^:]*? failed:/.test(reason) ? NOT_REACHED : NOT_USABLE;
}
