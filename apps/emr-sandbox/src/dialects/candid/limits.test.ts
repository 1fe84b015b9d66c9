import { expect, test } from 'vitest';
import { sandboxForTest } from '../../testing/sandbox.ts';
import { candid } from './dialect.ts';

async function opened(limits: 'vendor' | 'raised') {
  const { app } = await sandboxForTest({ dialects: [candid], pace: { limits, later_ms: 0 } });
  return (remoteAddress: string) =>
    app.inject({ method: 'GET', url: '/candid/api/patient-payments/v4', remoteAddress });
}

test('an IP address has 1000 requests in 10 seconds, for all senders together; the answer names no wait', async () => {
  const ask = await opened('vendor');
  for (let sent = 0; sent < 1000; sent += 1) expect((await ask('10.0.0.1')).statusCode).toBe(403);
  const refused = await ask('10.0.0.1');
  expect([refused.statusCode, refused.json().errorName]).toEqual([429, 'TooManyRequestsError']);
  expect(refused.headers['retry-after']).toBeUndefined();
  expect((await ask('10.0.0.2')).statusCode).toBe(403);
});

test('raised limits are none', async () => {
  const ask = await opened('raised');
  for (let sent = 0; sent < 1001; sent += 1) expect((await ask('10.0.0.1')).statusCode).toBe(403);
});
