import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { nexhealthForTest, payment } from './nexhealth.fixture.ts';

async function receiver() {
  const received: { headers: IncomingHttpHeaders; text: string }[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    received.push({ headers: request.headers, text: Buffer.concat(parts).toString() });
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hooks/1`, received };
}

test('an insertion is published, signed, to an endpoint that was registered and subscribed as the vendor says', async () => {
  const { url, received } = await receiver();
  const { post, pay, get, rows } = await nexhealthForTest();
  const created = await post({ target_url: url }, { path: '/webhook_endpoints' });
  expect(created.statusCode).toBe(201);
  const { id, secret_key } = created.json().data;
  const subscription = { resource_type: 'Payment', event: 'payment_insertion' };
  const path = `/webhook_endpoints/${id}/webhook_subscriptions?subdomain=demo-practice`;
  expect((await post(subscription, { path })).statusCode).toBe(201);
  expect((await get('/webhook_endpoints')).json().data).toHaveLength(1);

  await pay();
  await vi.waitFor(() => expect(received).toHaveLength(1), { timeout: 20_000 });
  const [{ headers, text }] = received as [(typeof received)[0]];
  expect(JSON.parse(text)).toMatchObject({
    resource_type: 'Payment',
    event_name: 'payment_insertion.complete',
    subdomain: 'demo-practice',
    data: { payment: (await rows()).data[0] },
    delivery_errors: [],
  });
  const signed = `${headers.timestamp}.${Buffer.from(text).toString('base64')}`;
  expect(headers.signature).toBe(createHmac('sha256', secret_key).update(signed).digest('hex'));
});

test('an insertion that the EMR refuses is published, and is not in the ledger', async () => {
  const { url, received } = await receiver();
  const { app, pay, ledger, control } = await nexhealthForTest();
  await app.inject({ method: 'PUT', url: '/sandbox/nexhealth/webhook', body: { url } });
  await control({ insertions: 'failed' });
  expect((await pay()).statusCode).toBe(202);
  await vi.waitFor(() => expect(received).toHaveLength(1), { timeout: 20_000 });
  expect(JSON.parse(received[0]?.text ?? '')).toMatchObject({
    event_name: 'payment_insertion.failed',
    data: { payment: { transaction_id: payment.transaction_id } },
    delivery_errors: ['The EMR did not take the payment.'],
  });
  expect(await ledger()).toEqual([]);
});

test('only this machine is called, and a subscription names an endpoint and an event', async () => {
  const { post, app } = await nexhealthForTest();
  for (const target_url of [
    'https://example.com/hooks',
    'ftp://127.0.0.1/',
    'http://127.0.0.1.example.com/',
    'x',
  ])
    expect((await post({ target_url }, { path: '/webhook_endpoints' })).statusCode, target_url).toBe(400);
  const elsewhere = { url: 'https://example.com/' };
  const refused = await app.inject({ method: 'PUT', url: '/sandbox/nexhealth/webhook', body: elsewhere });
  expect(refused.statusCode).toBe(400);

  const subscription = { resource_type: 'Payment', event: 'payment_insertion' };
  const at = (id: number, subdomain = 'demo-practice') => ({
    path: `/webhook_endpoints/${id}/webhook_subscriptions?subdomain=${subdomain}`,
  });
  expect((await post(subscription, at(9))).statusCode).toBe(404);
  const { id } = (await post({ target_url: 'http://127.0.0.1:9/' }, { path: '/webhook_endpoints' })).json()
    .data;
  expect((await post(subscription, at(id, 'other'))).statusCode).toBe(403);
  expect((await post({ ...subscription, event: 'patient_created' }, at(id))).statusCode).toBe(400);
});
