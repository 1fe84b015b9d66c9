export * from './redeliver-event.ts';
export type { PaymentKey, WorklistRefusal } from './refusal.ts';
export * from './resolve-payment.ts';
export * from './retry-payment.ts';
export * from './show-payment.ts';
