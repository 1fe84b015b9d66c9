import type { Database } from '@emr-payments/db';
import type { Keyring } from '@emr-payments/runtime';
import type { Resolve, SendDeps } from '@emr-payments/webhooks';

/** What the routes for webhooks and events work with. Made in main.ts. */
export type WebhookDeps = {
  database: Pick<Database, 'pool' | 'prisma'>;
  keyring: Keyring;
  /** The same policy as the worker's: what is registered here is sent to there. */
  send: SendDeps;
  resolve: Resolve;
};
