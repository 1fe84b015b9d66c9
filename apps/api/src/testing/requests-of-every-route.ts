import {
  CREATE_PAYMENT_EXAMPLE,
  newConnectSessionId,
  newRecoveryId,
  newUserId,
  paymentIdToUuid,
} from '@emr-payments/contracts';
import { hashSecret } from '@emr-payments/runtime';
import type { InjectOptions } from 'fastify';
import { requestsOf } from './client-requests.ts';
import { writeDelivery, writeEvent } from './event-rows.ts';
import { credentialHeaders, type TestApi } from './test-api.ts';
import { putInto, userRequests } from './user-requests.ts';

export type RouteRequest = { operation: string; request: InjectOptions };

/**
 * Creates what every route of the API needs, and makes one request for each that gets as far as PostgreSQL: a valid one, whose
 * rows are there. `operation` names the method and the path as the OpenAPI document does.
 */
export async function requestsOfEveryRoute(api: TestApi): Promise<RouteRequest[]> {
  const caller = await api.newCaller();
  const user = userRequests(api, caller);
  const client = requestsOf(api.app, caller);
  const toRetry = await user.pay();
  const toResolve = await user.pay();
  await putInto(api, { paymentId: toRetry.payment_id, status: 'failed' });
  await putInto(api, { paymentId: toResolve.payment_id, status: 'needs_review' });
  const registered = await client('POST', '/v1/webhooks', { body: { url: 'http://127.0.0.1:1/first' } });
  const endpointId: string = registered.json().data.id;
  const payment = { id: paymentIdToUuid(toRetry.payment_id), jobId: toRetry.job_id };
  const eventId = await writeEvent(api.database, { clientPk: caller.clientPk, payment });
  await writeDelivery(api.database, { eventId, endpointId, status: 'failed' });
  const params: Record<string, string> = {
    job_id: String(toRetry.job_id),
    recovery_id: newRecoveryId(),
    mrn: 'A%2F7',
  };
  const since = new Date(Date.now() - 3_600_000).toISOString();

  const request = (operation: string, body?: unknown): RouteRequest => {
    const [method = '', path = ''] = operation.split(' ');
    const url = path
      .replace('/payments/{id}/resolve', `/payments/${toResolve.payment_id}/resolve`)
      .replace('/payments/{id}', `/payments/${toRetry.payment_id}`)
      .replace('/connect-sessions/{id}', `/connect-sessions/${sessionId}`)
      .replace('/webhooks/{id}', `/webhooks/${endpointId}`)
      .replace('/events/{id}', `/events/${eventId}`)
      .replaceAll(/\{(\w+)\}/g, (_, name: string) => params[name] ?? '');
    return {
      operation: operation.split('?')[0] ?? '',
      request: {
        method: method as 'GET',
        url,
        headers: {
          ...credentialHeaders(caller),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      },
    };
  };
  const returnUrl = 'https://app.example.com/back';
  const sessionId = newConnectSessionId();
  await api.database.prisma.clientReturnUrl.create({ data: { clientPk: caller.clientPk, url: returnUrl } });
  const made = await api.database.prisma.user.create({
    data: { publicId: newUserId(), name: 'Connected', clientPk: caller.clientPk },
  });
  await api.database.prisma.connectSession.create({
    data: {
      id: sessionId,
      clientPk: caller.clientPk,
      userId: made.id,
      state: 'connected',
      returnUrl,
      linkHash: new Uint8Array(hashSecret(sessionId)),
      expiresAt: new Date(Date.now() + 60_000),
    },
  });

  const importOf = (file: string): RouteRequest => ({
    operation: 'POST /v1/patients:import',
    request: {
      method: 'POST',
      url: '/v1/patients:import',
      headers: { ...credentialHeaders(caller), 'content-type': 'text/csv' },
      payload: file,
    },
  });
  return [
    request('GET /v1/connect-sessions/{id}'),
    request('POST /v1/connect-sessions/{id}/token'),
    request('POST /v1/connect-sessions', { return_url: returnUrl }),
    request('POST /v1/payments', CREATE_PAYMENT_EXAMPLE),
    request('POST /v1/payments?dry_run=true', CREATE_PAYMENT_EXAMPLE),
    request('GET /v1/payments'),
    request('GET /v1/payments?patient_mrn=MRN-12345&status=failed'),
    request('GET /v1/payments/{id}'),
    request('POST /v1/payments/{id}/retry', {}),
    request('POST /v1/payments/{id}/resolve', { outcome: 'not_posted', note: 'Not on the day sheet' }),
    request('GET /v1/patients?mrn=MRN-12345'),
    request('PUT /v1/patients/{mrn}', { emr_patient_id: 'pat-1001' }),
    importOf('mrn,emr_patient_id\nMRN-9,pat-9\n'),
    request('GET /v1/jobs/{job_id}'),
    request('GET /v1/reconciliation?date=2026-06-14'),
    request('GET /v1/reconciliation?date=2026-06-14&format=csv'),
    request('GET /v1/connection'),
    request('GET /v1/payment-methods'),
    request('GET /v1/locations'),
    request('POST /v1/sync', {}),
    request('POST /v1/webhooks', { url: 'http://127.0.0.1:1/second' }),
    request('GET /v1/webhooks'),
    request('GET /v1/webhooks/{id}'),
    request('PATCH /v1/webhooks/{id}', { description: 'changed' }),
    request('POST /v1/webhooks/{id}/rotate-secret', {}),
    request('POST /v1/webhooks/{id}/test'),
    request('GET /v1/webhooks/{id}/deliveries'),
    request('POST /v1/webhooks/{id}/recover', { since }),
    request('GET /v1/webhooks/{id}/recoveries/{recovery_id}'),
    request('GET /v1/events'),
    request('GET /v1/events?type=payment.created'),
    request('GET /v1/events/{id}'),
    request('POST /v1/events/{id}/redeliver', {}),
    request('DELETE /v1/webhooks/{id}'),
  ];
}
