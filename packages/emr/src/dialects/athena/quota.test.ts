import { expect, test } from 'vitest';
import { quotaWaitMs } from './quota.ts';

const now = new Date('2026-06-15T22:30:00Z');
const remainingHeader = 'x-ratelimit-remaining';

test.each([
  [{}, undefined],
  [{ 'x-ratelimit-remaining': '3' }, undefined],
  [{ 'x-ratelimit-remaining': '' }, undefined],
  [{ 'x-ratelimit-remaining': '0' }, 5_400_000],
  [{ 'x-plan-quota-reset': 'Mon, 15 Jun 2026 23:00:00 GMT' }, 1_800_000],
  [{ 'x-plan-quota-reset': 'Mon, 15 Jun 2026 22:00:00 GMT' }, undefined],
  [{ 'x-plan-quota-reset': 'Mon, 15 Jun 2099 22:00:00 GMT', 'x-ratelimit-remaining': '0' }, 5_400_000],
  [{ 'x-plan-quota-reset': 'soon' }, undefined],
])('the headers %j make a wait of %s ms', (headers, waitMs) => {
  expect(quotaWaitMs(headers, { remainingHeader, now })).toBe(waitMs);
});
