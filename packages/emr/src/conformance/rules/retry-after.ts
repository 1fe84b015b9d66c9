import { expect } from 'vitest';
import type { Trouble } from '../../trouble.ts';
import { type Context, canFind, lookUp, newPosting, quiet, type Rule, readsLists, sending } from '../rule.ts';

/** The delay that the outcome carries, in ms; undefined when it carries none. */
const delayOf = (result: object): number | undefined => (result as Trouble).retryAfterMs;

type Step = { name: string; call(context: Context): Promise<object>; concerns?: Rule['concerns'] };

const STEPS: readonly Step[] = [
  { name: 'post', call: ({ emr, open }) => open().post(newPosting(emr), sending()) },
  { name: 'list', call: ({ open }) => open().list(quiet()), concerns: readsLists },
  { name: 'find', call: ({ emr, open }) => lookUp(open(), newPosting(emr)), concerns: canFind },
];

export const retryAfterRules: readonly Rule[] = STEPS.flatMap(({ name, call, ...rest }): Rule[] => [
  {
    ...rest,
    name: `Retry-After: 7 s of a 429 at ${name} become 7000 ms`,
    async run(context) {
      context.server.statusBefore(429, { 'retry-after': '7' });
      expect(delayOf(await call(context))).toBe(7000);
    },
  },
  {
    ...rest,
    name: `Retry-After: 9 s of a 503 at ${name} become 9000 ms`,
    async run(context) {
      context.server.statusBefore(503, { 'retry-after': '9' });
      expect(delayOf(await call(context))).toBe(9000);
    },
  },
  {
    ...rest,
    name: `Retry-After: a date at ${name} becomes the time until then`,
    async run(context) {
      const inAnHour = new Date(Date.now() + 3_600_000).toUTCString();
      context.server.statusBefore(429, { 'retry-after': inAnHour });
      expect(Math.abs((delayOf(await call(context)) ?? 0) - 3_600_000)).toBeLessThan(30_000);
    },
  },
  {
    ...rest,
    name: `Retry-After: a 429 at ${name} without one carries no delay`,
    async run(context) {
      context.server.statusBefore(429);
      expect(delayOf(await call(context))).toBeUndefined();
    },
  },
]);
