import { createRegistry } from '@emr-payments/runtime/metrics';
import { expect, test, vi } from 'vitest';
import { countUpkeep } from './count-upkeep.ts';
import { countWork } from './count-work.ts';

test('what has ended is counted by how, with its seconds', async () => {
  const registry = createRegistry({ process: 'worker' });
  const { posting, delivery } = countWork(registry);
  posting({ adapter: 'fhir-r5', outcome: 'retrying', seconds: 0.2 });
  delivery({ result: 'timeout', seconds: 15 });
  const text = await registry.metrics();
  for (const line of [
    'emr_payments_postings_total{adapter="fhir-r5",outcome="retrying"} 1',
    'emr_payments_posting_seconds_sum{adapter="fhir-r5"} 0.2',
    'emr_payments_delivery_attempts_total{result="timeout"} 1',
    'emr_payments_delivery_attempts_total{result="delivered"} 0',
    'emr_payments_delivery_seconds_sum 15',
  ])
    expect(text).toContain(`${line}\n`);
});

test('a loop that succeeds has its time, and the other one keeps its own', async () => {
  const registry = createRegistry({ process: 'worker' });
  const { succeeded } = countUpkeep(registry);
  vi.spyOn(Date, 'now').mockReturnValue(1_700_000_000_000);
  succeeded('relay');
  vi.restoreAllMocks();
  const text = await registry.metrics();
  expect(text).toContain('emr_payments_last_relay_timestamp_seconds 1700000000\n');
  expect(text).toContain('emr_payments_last_sweep_timestamp_seconds 0\n');
});
