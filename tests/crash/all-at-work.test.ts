import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AppProcess } from '@emr-payments/stack';
import { expect, onTestFinished, test } from 'vitest';
import { allAtWork } from './all-at-work.ts';

/** A process that shows these numbers, and with each scrape one more piece of work where `works`. */
async function openProcess({ works, sets }: { works: boolean; sets: number }): Promise<AppProcess> {
  let done = 7;
  const server = createServer((_request, response) => {
    if (works) done += 1;
    response.end(
      [
        '# TYPE emr_payments_pool_connections gauge',
        'emr_payments_pool_connections{pool="sets",state="idle"} 0',
        `emr_payments_pool_connections{pool="sets",state="used"} ${sets}`,
        'emr_payments_pool_connections{pool="sets",state="most"} 4',
        'emr_payments_pool_connections{pool="turn",state="idle"} 1',
        'emr_payments_pool_connections{pool="turn",state="used"} 0',
        `emr_payments_postings_total{adapter="fhir-r5",outcome="posted"} ${done}`,
      ].join('\n'),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const healthUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { name: 'worker', healthUrl, pid: 1 } as AppProcess;
}

test('a worker that ends jobs and has connections in its pools is back at work', async () => {
  const worker = await openProcess({ works: true, sets: 1 });
  expect(await allAtWork({ apis: [], workers: [worker] }, 30_000)).toEqual([]);
});

test('one without a connection in a pool is not, nor one that ends no job', async () => {
  const workers = [await openProcess({ works: true, sets: 0 }), await openProcess({ works: false, sets: 1 })];
  const violations = await allAtWork({ apis: [], workers }, 600);
  expect(violations.map(({ rule }) => rule)).toEqual(Array(2).fill('process does not work again'));
  expect(violations[0]?.detail).toMatch(/without a connection: sets$/);
  expect(violations[1]?.detail).toMatch(/^0 pieces of work/);
});
