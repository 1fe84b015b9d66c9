export * from './find-connection.ts';
export * from './find-payment.ts';
export * from './list-payments.ts';
export type { PaymentRecord } from './payment-record.ts';
export * from './reconcile.ts';
