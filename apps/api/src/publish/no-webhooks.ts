import { createAgents } from '@emr-payments/webhooks';
import type { WebhookDeps } from '../webhooks/deps.ts';

/** Stands in where nothing is behind the app: whatever is asked of it is an error. */
export function noWebhooks(): WebhookDeps {
  const nothing = (): never => {
    throw new Error('there is no infrastructure here');
  };
  const policy = { allowHosts: [] };
  return {
    database: {
      get pool() {
        return nothing();
      },
      get prisma() {
        return nothing();
      },
    },
    keyring: { current: '', keys: new Map() },
    send: { policy, agents: createAgents({ policy }) },
    resolve: nothing,
  };
}
