import type { ErrorDetails } from '@emr-payments/contracts';
import { checkEndpoint } from '@emr-payments/webhooks';
import type { WebhookDeps } from './deps.ts';

/**
 * The whole check of packages/webhooks, DNS included, before anything is written.
 *
 * @returns null when events may go there; else what to name in the error.
 */
export async function checkEndpointUrl(
  { send, resolve }: Pick<WebhookDeps, 'send' | 'resolve'>,
  url: string,
): Promise<ErrorDetails | null> {
  const check = await checkEndpoint({ policy: send.policy, resolve }, url);
  return check.ok ? null : { field: 'url', rule: check.message };
}
