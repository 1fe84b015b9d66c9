/**
 * The kind of a client's credentials: `test`, whose users have connections to sandboxes only, and `live`, whose users never have one
 * to a sandbox. A client keeps its mode.
 */
export const CLIENT_MODES = ['test', 'live'] as const;
export type ClientMode = (typeof CLIENT_MODES)[number];
