export { changeEndpoint, deleteEndpoint, type EndpointChanges } from './change-endpoint.ts';
export * from './endpoint-record.ts';
export * from './list-deliveries.ts';
export * from './read-events.ts';
export * from './recover-endpoint.ts';
export * from './register-endpoint.ts';
export * from './rotate-secret.ts';
