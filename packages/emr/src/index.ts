export * from './absence.ts';
export * from './adapter.ts';
export * from './adapter-deps.ts';
export * from './adapter-profile.ts';
export * from './adapters.ts';
export * from './amounts.ts';
export * from './calls.ts';
export { isPlainHttp, usesPlainHttp } from './connection/plain-http.ts';
export { readBaseUrl } from './connection/read-connection.ts';
export * from './description.ts';
export * from './dialect.ts';
export { exchangeOf } from './exchange-of.ts';
export * from './grant.ts';
export * from './judge-patients.ts';
export * from './judge-rows.ts';
export * from './lists.ts';
export * from './local-deps.ts';
export { beginLogin } from './logins/begin-login.ts';
export { discoverSmart } from './logins/discover-smart.ts';
export { finishLogin, type LoginFinished } from './logins/finish-login.ts';
export {
  credentialsOfLogin,
  type LoginApplication,
  type LoginServer,
  LoginServerSchema,
} from './logins/login-application.ts';
export * from './network.ts';
export * from './patients.ts';
export * from './posting.ts';
export type { SendGate } from './send-gate.ts';
export { tokenKeysOf, tokenUrlsOf } from './token-keys.ts';
export { createTokenSources } from './tokens/token-sources.ts';
export type { TokenStore } from './tokens/token-store.ts';
export * from './trouble.ts';
export * from './trouble-codes.ts';
