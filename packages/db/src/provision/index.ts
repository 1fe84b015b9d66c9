export * from './create-client.ts';
export * from './create-endpoint.ts';
export * from './create-user.ts';
export * from './import-patients.ts';
export * from './save-connection.ts';
