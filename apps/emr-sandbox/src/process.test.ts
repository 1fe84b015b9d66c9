import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSandbox } from '@emr-payments/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { goodPayment } from './testing/sandbox.ts';

async function ledgerFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'emr-sandbox-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return join(folder, 'ledger.jsonl');
}

function create(fhirUrl: string, paymentId: string): Promise<Response> {
  return fetch(`${fhirUrl}/PaymentReconciliation`, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify({ ...goodPayment, identifier: [{ system: 's', value: paymentId }] }),
  });
}

type Listed = { entries: { payment_id: string; emr_transaction_id: string }[] };
const ledgerOf = async (baseUrl: string) =>
  ((await (await fetch(`${baseUrl}/sandbox/ledger`)).json()) as Listed).entries;

test('kill -9 under load: every answered create is in the ledger exactly once', {
  timeout: 240_000,
}, async () => {
  const file = await ledgerFile();
  const answered = new Map<string, string>();
  let number = 0;
  for (let round = 0; round < 3; round += 1) {
    const sandbox = await startSandbox({ ledgerFile: file });
    const goal = answered.size + 300;
    const clients = Array.from({ length: 16 }, async () => {
      for (;;) {
        const paymentId = `p${number++}`;
        const answer = await create(sandbox.fhirUrl, paymentId).catch(() => null);
        if (answer === null) return;
        answered.set(paymentId, ((await answer.json().catch(() => ({}))) as { id: string }).id);
      }
    });
    await expect.poll(() => answered.size, { timeout: 60_000 }).toBeGreaterThan(goal);
    await sandbox.kill();
    await Promise.all(clients);
  }
  const sandbox = await startSandbox({ ledgerFile: file });
  onTestFinished(async () => void (await sandbox.stop()));
  const entries = await ledgerOf(sandbox.baseUrl);
  const byPayment = new Map(entries.map((entry) => [entry.payment_id, entry.emr_transaction_id]));
  expect(byPayment.size).toBe(entries.length);
  const lost = [...answered].filter(([paymentId, id]) => id !== undefined && byPayment.get(paymentId) !== id);
  expect(lost).toEqual([]);
  expect(new Set(entries.map((entry) => entry.emr_transaction_id)).size).toBe(entries.length);
});

test('the page is served, and its stream carries new postings, shown as text and not as HTML', async () => {
  const sandbox = await startSandbox({ ledgerFile: await ledgerFile() });
  onTestFinished(async () => void (await sandbox.stop()));
  const page = await fetch(sandbox.baseUrl);
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(await page.text()).toContain('/page.js');
  expect(await (await fetch(`${sandbox.baseUrl}/page.js`)).text()).not.toMatch(
    /innerHTML|insertAdjacentHTML|document\.write/,
  );

  const stream = await fetch(`${sandbox.baseUrl}/sandbox/stream`);
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  const received: string[] = [];
  const listen = (async () => {
    for (let chunk = await reader?.read(); chunk?.done === false; chunk = await reader?.read())
      received.push(chunk.value);
  })();
  await create(sandbox.fhirUrl, 'seen');
  await expect.poll(() => received.join('')).toContain('"payment_id":"seen"');
  expect(received.join('')).toContain('"count":1,"total":350');
  await reader?.cancel();
  await listen;
});

test('SIGTERM ends the process while a stream and a hanging create are open', async () => {
  const sandbox = await startSandbox({ ledgerFile: await ledgerFile() });
  await fetch(`${sandbox.baseUrl}/sandbox/stream`);
  await fetch(`${sandbox.baseUrl}/sandbox/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'commit_then_hang' }),
  });
  const hanging = create(sandbox.fhirUrl, 'p').catch(() => 'cut');
  await expect.poll(async () => (await ledgerOf(sandbox.baseUrl)).length).toBe(1);
  // A process that has to be cut off at the end of its grace says so, and ends with 1.
  expect(await sandbox.stop()).toBe(0);
  expect(await hanging).toBe('cut');
});
