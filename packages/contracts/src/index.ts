export * from './errors.ts';
export * from './events.ts';
export * from './failure-codes.ts';
export * from './headers.ts';
export * from './ids.ts';
export * from './payments.ts';
