import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@emr-payments/runtime';
import type { LightMyRequestResponse } from 'fastify';
import { onTestFinished } from 'vitest';
import { buildSandbox, type SandboxOptions } from '../build-sandbox.ts';
import { demoPractice } from '../demo-practice.ts';
import { upgradeLine } from '../dialects/fhir-r5/old-forms.ts';
import { openLedger } from '../ledger.ts';

/** Builds a sandbox for one test and closes it when the test ends. */
export async function sandboxForTest({
  ledgerFile,
  ...options
}: Partial<SandboxOptions> & { ledgerFile?: string } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'emr-sandbox-'));
  const path = ledgerFile ?? join(folder, 'ledger.jsonl');
  const ledger = await openLedger({ upgradeLine }, { path });
  const app = await buildSandbox(
    { ledger, logger: createLogger('emr-sandbox', 'silent') },
    {
      seed: demoPractice,
      capabilities: { conditional_create: true, search: true, books_closed_before: null },
      ...options,
    },
  );
  onTestFinished(async () => {
    await app.close();
    await ledger.close();
    await rm(folder, { recursive: true });
  });
  const create = (body: object, headers: Record<string, string> = {}): Promise<LightMyRequestResponse> =>
    app.inject({
      method: 'POST',
      url: '/fhir/PaymentReconciliation',
      headers: { 'content-type': 'application/fhir+json', ...headers },
      body: JSON.stringify(body),
    });
  return { app, ledger, create, path };
}

/** A PaymentReconciliation that the demo practice accepts. */
export const goodPayment = {
  resourceType: 'PaymentReconciliation',
  identifier: [{ system: 'urn:emr-payments:payment-id', value: '123e4567e89b12d3a456426614174001' }],
  type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/payment-type', code: 'payment' }] },
  status: 'active',
  created: '2026-06-15T10:30:00Z',
  date: '2026-06-15',
  amount: { value: 350, currency: 'USD' },
  paymentIssuer: { reference: 'Patient/pat-1001' },
  method: { coding: [{ system: 'urn:emr-payments:payment-method', code: 'CARD' }] },
  location: { reference: 'Location/loc-main' },
  referenceNumber: '#123456',
  processNote: [{ type: 'display', text: 'Patient copay collected at front desk' }],
};
