// The sentences of the page that belong to a word of the service.

/** For the words that the return from an EMR's login puts into the address. */
export const NOTICES = {
  denied: 'You did not allow the access at the EMR, so nothing was connected. You can try again, or cancel.',
  refused: 'The EMR refused the login. Try again; if it happens again, ask who sent you this link for help.',
  'not-trusted': 'The answer from the EMR could not be trusted, and nothing was connected. Log in again.',
  'not-expected':
    'This login was used before, or was not begun in this window. Nothing was connected by it. If you are not finished, log in again.',
  'not-lasting':
    'The EMR gave a login that does not last, and nothing was connected. Ask who sent you this link for help.',
  unavailable: 'The EMR did not answer, and nothing was connected. Try again in a few minutes.',
  'no-logins':
    'This EMR does not offer a login for applications like this one. Ask who sent you this link for help.',
  'no-session':
    'The login at the EMR came back to a browser that did not open the link, or after its time was over. Open the link again in one browser, or ask for a new one.',
  over: 'This login was ended by another one, or the time of this link was over when you came back. Log in again, or ask for a new link.',
  tries: 'This link was tried too often. Ask who sent it to you for a new one.',
  failed:
    'The login could not be finished here at the moment, and nothing was connected. Log in again in a minute.',
};

/** For the ends of a link. */
export const ENDED = {
  used: 'This link was opened in another browser already. Go on there, or ask for a new link.',
  expired: 'The time of this link is over. Ask who sent it to you for a new one.',
  ended: 'This link has done its work. There is nothing more to do.',
  unknown: 'This link is not known here. Check that you have opened all of it, or ask for a new one.',
  other_session:
    'Another link was opened in this browser, and this window no longer works. Nothing of it was sent on. Go on in the other window; for this practice, ask for a new link.',
  over: 'This session is over. Ask who sent you the link for a new one.',
};
export const BROKEN = 'The service could not be reached. Check your connection, and try again.';
