import { PUBLISHED_BODY, publishedCurl } from '../demo/published-curl.ts';
import type { DemoUser } from '../demo/seed-practices.ts';
import type { Stack } from '../start-stack.ts';

/** The content of stack.json, where tools and tests find the addresses and credentials of the running stack. */
export function describeStack(stack: Stack): Record<string, string | readonly DemoUser[]> {
  return {
    api_url: stack.apiUrl,
    docs_url: `${stack.apiUrl}/docs`,
    emr_url: stack.emrUrl,
    emr_fhir_url: stack.fhirUrl,
    inbox_url: stack.inboxUrl,
    database_url: stack.databaseUrl,
    ...(stack.redisUrl === undefined ? {} : { redis_url: stack.redisUrl }),
    client_id: stack.demo.client_id,
    client_secret: stack.demo.client_secret,
    access_token: stack.demo.access_token,
    patient_mrn: PUBLISHED_BODY.patient_mrn,
    payment_method: PUBLISHED_BODY.payment_method,
    location: PUBLISHED_BODY.location,
    webhook_secret: stack.webhookSecret,
    sandbox_hosts: stack.sandboxHosts,
    users: stack.demo.users,
  };
}

/** The text that `pnpm dev` prints when the stack is up. */
export function welcomeText(stack: Stack, { queue, folder }: { queue: string; folder: string }): string {
  return `
  API         ${stack.apiUrl}
  Docs        ${stack.apiUrl}/docs
  EMR         ${stack.emrUrl}   (the sandbox's ledger)
  Inbox       ${stack.inboxUrl}   (webhooks that arrived)
  Practices   one for each adapter (users in stack.json)
  Queue       BullMQ on ${queue}
  Data, logs  ${folder}   (addresses and secrets: stack.json; --reset removes them)

Paste this into another terminal:

${publishedCurl(stack.apiUrl, stack.demo)}

Ctrl-C stops everything.`;
}
