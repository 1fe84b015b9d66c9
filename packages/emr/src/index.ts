export * from './absence.ts';
export * from './adapter.ts';
export * from './adapters.ts';
export { isPlainHttp } from './connection/plain-http.ts';
export { readBaseUrl } from './connection/read-connection.ts';
export * from './trouble-codes.ts';
