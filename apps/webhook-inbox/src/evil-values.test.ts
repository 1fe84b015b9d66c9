import type { AddressInfo } from 'node:net';
import { sendRaw, spoiled, URL_VALUES } from '@emr-payments/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { openKnownSecrets } from './known-secrets.ts';
import { openMessages } from './messages.ts';
import { buildServer } from './server.ts';

test('no path, query, header or body is an error of ours', async () => {
  const server = buildServer({
    messages: openMessages({ keep: 10 }),
    secrets: openKnownSecrets({ configured: [] }),
  });
  onTestFinished(() => server.close());
  await server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.server.address() as AddressInfo;
  const expectNoFault = async (request: Parameters<typeof sendRaw>[1]) => {
    const { status } = await sendRaw({ port }, request);
    expect(status, JSON.stringify(request)).toBeLessThan(500);
  };

  for (const path of ['/', '/messages', '/behaviour', '/secrets', '/webhooks', '/health/live', '/x']) {
    for (const value of [...URL_VALUES, '..', '../x', '.%2e/x']) {
      await expectNoFault({ method: 'GET', path: `${path}/${value}` });
      await expectNoFault({ method: 'GET', path: `${path}?limit=${value}&${value}=1` });
    }
  }
  const headers = { 'content-type': 'application/json' };
  for (const body of [...spoiled({ status: 204, delay_ms: 0, retry_after: '1' }), '\0', '"\\ud800"', '{']) {
    await expectNoFault({ method: 'PUT', path: '/behaviour', headers, body });
    // The inbox answers as scripted, so a header with control characters would be a fault of its own.
    const scripted = JSON.parse((await sendRaw({ port }, { method: 'GET', path: '/behaviour' })).body);
    if (!(scripted.status >= 500)) await expectNoFault({ method: 'POST', path: '/webhooks', headers, body });
    await sendRaw({ port }, { method: 'DELETE', path: '/behaviour' });
  }
  for (const body of [...spoiled({ secrets: ['x'] }), '\0'])
    await expectNoFault({ method: 'PUT', path: '/secrets', headers, body });
  for (const id of ['\u0080', '\u00ff', ' ', 'x'.repeat(4000)])
    await expectNoFault({
      method: 'POST',
      path: '/webhooks',
      headers: { ...headers, 'webhook-id': id },
      body: '\0',
    });
  await expectNoFault({ method: 'GET', path: '/messages' });
});
