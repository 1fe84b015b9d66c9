import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SandboxProcess, startSandbox } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openVisit, PUBLIC_URL } from '../testing/connect-visit.ts';
import { openTestApi, type TestApi } from '../testing/test-api.ts';

/** The login of a practice is renewed while something else happens. */

let api: TestApi;
let sandbox: SandboxProcess;
let page: Awaited<ReturnType<typeof openVisit>>;
const ledgerFile = join(tmpdir(), `renewal-${randomUUID()}.jsonl`);
/** Runs before the EMR answers. */
let meanwhile: () => Promise<unknown> = async () => undefined;
const emr = createServer(async (request, response) => {
  await meanwhile();
  const { authorization = '' } = request.headers;
  const answer = await fetch(`${sandbox.baseUrl}${request.url}`, { headers: { authorization } });
  response
    .writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'application/json' })
    .end(await answer.text());
});
const baseUrl = () => `http://127.0.0.1:${(emr.address() as AddressInfo).port}/open-dental/api/v1`;

beforeAll(async () => {
  emr.listen(0, '127.0.0.1');
  [api, sandbox] = await Promise.all([
    openTestApi({ publicUrl: PUBLIC_URL }),
    startSandbox({ ledgerFile }),
    once(emr, 'listening'),
  ]);
  page = await openVisit(api);
});
afterAll(async () => {
  emr.closeAllConnections();
  emr.close();
  await sandbox.stop();
  rmSync(ledgerFile, { force: true });
  await api.close();
});

const dental = () => ({
  adapter: 'open-dental',
  way: 'credentials',
  base_url: baseUrl(),
  name: 'Dental Office',
  time_zone: 'America/Chicago',
  credentials: { developer_key: 'typed-developer', customer_key: 'typed-customer' },
});

test('what an operator changes while a renewed login is tried is not overwritten', async () => {
  const first = await page.visit();
  expect((await page.post('connect', dental(), first)).json().data.outcome).toBe('connected');
  const { userId } = await page.stored(first.id);
  const where = { userId: userId ?? 0 };
  const { publicId } = await api.database.prisma.user.findUniqueOrThrow({ where: { id: userId ?? 0 } });
  const at = await page.visit({ user_id: publicId });
  const changed = { baseUrl: 'https://elsewhere.example/api/v1', settings: { clinics: true } };
  meanwhile = () => api.database.prisma.connection.update({ where, data: changed });
  const { data } = (await page.post('connect', dental(), at)).json();
  expect(data).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('Try again.') });
  expect(await api.database.prisma.connection.findUniqueOrThrow({ where })).toMatchObject(changed);
  expect((await page.stored(at.id)).state).toBe('open');
});
