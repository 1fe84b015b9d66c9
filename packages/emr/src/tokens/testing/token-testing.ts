export { CLIENT, openTokenServer, type TokenServer } from './token-server.ts';
export { tokenStoreRules } from './token-store-rules.ts';
