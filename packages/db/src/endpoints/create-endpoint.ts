import { randomUUID } from 'node:crypto';
import { newWebhookEndpointId } from '@emr-payments/contracts';
import { type Keyring, seal } from '@emr-payments/runtime';
import { type Actor, SYSTEM } from '../audit/entry.ts';
import { auditCreate } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';

export type EndpointInput = {
  clientPk: number;
  /** Already checked: packages/webhooks has the guard. */
  url: string;
  /** `whsec_…` in clear; stored sealed, bound to its own row. */
  secret: string;
  description?: string;
  /** Empty or left out: every type. */
  eventTypes?: readonly string[];
  /** Deliveries to this endpoint at once, over all workers. */
  concurrency: number;
  by?: Actor;
};

/** Registers a webhook endpoint with one signing secret. Events that are written from now on go there. */
export async function createEndpoint(
  { database, keyring }: { database: Database; keyring: Keyring },
  input: EndpointInput,
): Promise<{ endpointId: string; laneId: number }> {
  const secretId = randomUUID();
  const id = newWebhookEndpointId();
  const [created] = await database.prisma.$transaction([
    database.prisma.webhookEndpoint.create({
      data: {
        id,
        url: input.url,
        description: input.description ?? null,
        eventTypes: [...(input.eventTypes ?? [])],
        client: { connect: { id: input.clientPk } },
        lane: { create: { kind: 'endpoint', concurrency: input.concurrency } },
        secrets: {
          create: { id: secretId, sealed: seal(keyring, `webhook_secret:${secretId}`, input.secret) },
        },
      },
      select: { laneId: true },
    }),
    auditCreate(
      { database },
      {
        ...(input.by ?? SYSTEM),
        action: 'endpoint.create',
        subject: `endpoint:${id}`,
        outcome: 'done',
      },
    ),
  ]);
  return { endpointId: id, laneId: created.laneId };
}

/** Gives an endpoint another URL and a fresh start: enabled, its circuit closed. */
export async function moveEndpoint(
  { database }: { database: Database },
  { endpointId, url }: { endpointId: string; url: string },
): Promise<void> {
  await database.prisma.webhookEndpoint.update({
    where: { id: endpointId },
    data: {
      url,
      disabledAt: null,
      disabledCode: null,
      disabledReason: null,
      failingSince: null,
      lane: { update: { failures: 0, openUntil: null } },
    },
  });
}
