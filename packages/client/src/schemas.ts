import type { components, operations } from './api-types.ts';

/** The API's schemas, from the OpenAPI document. */
type Schemas = components['schemas'];

export type CreatePayment = Schemas['CreatePayment'];
export type PaymentQueued = Schemas['PaymentQueued'];
export type DryRun = Schemas['DryRun'];
export type Payment = Schemas['Payment'];
export type PaymentFailure = NonNullable<Schemas['PaymentFailure']>;
export type RetryPayment = Schemas['RetryPayment'];
export type ResolvePayment = Schemas['ResolvePayment'];
export type PaymentResolved = Schemas['ResolvedPayment'];
export type Patient = Schemas['Patient'];
export type PatientImport = Schemas['PatientImport'];
export type Job = Schemas['Job'];
export type Connection = Schemas['Connection'];
export type CreateConnectSession = Schemas['CreateConnectSession'];
export type ConnectLink = Schemas['ConnectLink'];
export type ConnectSession = Schemas['ConnectSession'];
export type ConnectedUser = Schemas['ConnectedUserToken'];
export type PaymentMethods = Schemas['PaymentMethodNames'];
export type Locations = Schemas['LocationNames'];
export type SyncBody = Schemas['SyncBody'];
export type SyncStarted = Schemas['SyncReply'];
export type Reconciliation = Schemas['Reconciliation'];
export type CreateWebhookEndpoint = Schemas['CreateWebhookEndpoint'];
export type UpdateWebhookEndpoint = Schemas['UpdateWebhookEndpoint'];
export type RotateWebhookSecret = Schemas['RotateWebhookSecret'];
export type RecoverWebhook = Schemas['RecoverWebhook'];
export type WebhookEndpoint = Schemas['WebhookEndpoint'];
export type WebhookEndpointCreated = Schemas['WebhookEndpointWithSecret'];
export type WebhookEndpointUpdated = Schemas['ChangedWebhookEndpoint'];
export type WebhookEndpointDeleted = Schemas['DeletedWebhookEndpoint'];
export type WebhookSecretRotated = Schemas['WebhookSecret'];
export type WebhookTestResult = Schemas['WebhookTest'];
export type WebhookDelivery = Schemas['WebhookDelivery'];
export type WebhookRecovery = Schemas['WebhookRecovery'];
export type RedeliverEvent = Schemas['RedeliverEvent'];
export type EventRedelivering = Schemas['RedeliveringEvent'];
/** An event as the API stores it: any type, including ones added later. */
export type StoredEvent = Schemas['Event'];
/** The body of a webhook; `type` distinguishes the variants. Expect types that are not listed yet. */
export type WebhookEvent =
  | Schemas['PaymentCreatedEvent']
  | Schemas['PaymentFailedEvent']
  | Schemas['PaymentReviewRequiredEvent']
  | Schemas['EndpointDisabledEvent']
  | Schemas['ConnectionBrokenEvent']
  | Schemas['ConnectionRestoredEvent']
  | Schemas['UserConnectedEvent']
  | Schemas['WebhookTestEvent'];

/** The query of an operation: its filters, and `limit`, the number of entries per request. */
type QueryOf<Operation extends keyof operations> = NonNullable<operations[Operation]['parameters']['query']>;
export type ListPayments = QueryOf<'listPayments'>;
export type ImportPatients = QueryOf<'importPatients'>;
export type ListWebhooks = QueryOf<'listWebhooks'>;
export type ListDeliveries = QueryOf<'listWebhookDeliveries'>;
export type ListEvents = QueryOf<'listEvents'>;
export type ReconciliationDay = Omit<QueryOf<'getReconciliation'>, 'format'>;

/** The body of every error answer. `code` is stable. */
export type ErrorReply = Schemas['ErrorReply'];
