import { sentence } from '@emr-payments/contracts';
import { expect, test } from 'vitest';
import type { EmrLists } from '../lists.ts';
import type { Trouble } from '../trouble.ts';
import { listNames } from './list-names.ts';

const lists: EmrLists = {
  methods: [{ id: 'CARD', name: 'Card' }],
  locations: [{ id: 'loc-1', name: 'Main', identifiers: ['1404'] }],
};
const options = { signal: new AbortController().signal };
const card = { paymentMethod: 'card', location: '1404' };

test('resolve and list share one fetch', async () => {
  let calls = 0;
  const names = listNames(async () => {
    calls += 1;
    return lists;
  });
  expect(await names.resolve(card, options)).toEqual({
    outcome: 'resolved',
    method: { id: 'CARD', name: 'Card' },
    location: { id: 'loc-1', name: 'Main' },
  });
  expect(await names.list(options)).toEqual({ outcome: 'listed', ...lists });
  expect(calls).toBe(1);
});

test('trouble is not_sent, with its Retry-After', async () => {
  const trouble: Trouble = { code: 'rate_limited', detail: sentence`Slow down.`, retryAfterMs: 7000 };
  const names = listNames(async () => trouble);
  expect(await names.resolve(card, options)).toEqual({ outcome: 'not_sent', ...trouble });
  expect(await names.list(options)).toEqual({ outcome: 'not_sent', ...trouble });
});

test('one caller that aborts does not end the fetch that the others wait for', async () => {
  const answer = Promise.withResolvers<EmrLists>();
  const fetchSignals: AbortSignal[] = [];
  const longWaits: unknown[] = [];
  const names = listNames(({ signal, waitsLong }) => {
    fetchSignals.push(signal);
    longWaits.push(waitsLong);
    return answer.promise;
  });
  const controller = new AbortController();
  const [aborted, patient] = [names.list({ signal: controller.signal }), names.list(options)];
  controller.abort();
  expect(await aborted).toMatchObject({ outcome: 'not_sent', code: 'aborted' });
  answer.resolve(lists);
  expect(await patient).toMatchObject({ outcome: 'listed' });
  expect(fetchSignals.map(({ aborted }) => aborted)).toEqual([false]);
  // A list that a limit cuts short begins again with its first page.
  expect(longWaits).toEqual([true]);
});

test('a call whose signal is aborted already does not wait', async () => {
  const names = listNames(() => new Promise(() => undefined));
  expect(await names.resolve(card, { signal: AbortSignal.abort() })).toMatchObject({ code: 'aborted' });
});
