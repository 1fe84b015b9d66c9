// What this window knows.

/** What the person has typed so far, but for secrets. */
export const typed = { name: '', baseUrl: {}, timeZone: '', settings: {} };

/** `session`: as the service shows it; null before it is read. `chosen`: one of its choices; null while none is. */
export const state = { session: null, chosen: null };

/** True for the choice by whose login the person has come back. */
export const isLoggedIn = ({ way, adapter, baseUrl }) => {
  const { loggedIn } = state.session;
  return way === 'login' && loggedIn !== null && adapter === loggedIn.adapter && baseUrl === loggedIn.baseUrl;
};
