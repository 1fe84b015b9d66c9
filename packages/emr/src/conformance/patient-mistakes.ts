import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BreakServer } from './break-server.ts';
import { openBreakingProxy } from './breaking-proxy.ts';
import { rulesFor } from './conformance.ts';
import { contextOf, type Rule, runRule } from './rule.ts';
import type { UnderTest } from './under-test.ts';
import { wrongPatientSearches } from './wrong/patients.ts';

/**
 * Registers a test for each mistake that a look-up for patients can contain: exactly the rules that are about it must notice. For the
 * test file of a dialect with such a look-up, beside `conformance`.
 */
export function patientMistakes(emr: UnderTest): void {
  describe('a look-up for patients with a mistake', () => {
    const rules: readonly Rule[] = rulesFor(emr).filter(({ name }) => name.startsWith('patients'));
    const noticed = new Set<string>();
    let server: BreakServer;
    beforeAll(async () => {
      server = await openBreakingProxy(emr.baseUrl);
    });
    afterAll(() => server.close());

    test.each(wrongPatientSearches)('one that $mistake is noticed', async ({ breaks, wrap }) => {
      const open: UnderTest['open'] = (input) => wrap(emr.open(input), { emr, ...input });
      // It inherits, because `baseUrl` is there only once the server has started.
      const wrong = Object.assign(Object.create(emr) as UnderTest, { open });
      const broken: string[] = [];
      for (const rule of rules) {
        try {
          await runRule(rule, contextOf(wrong, server));
        } catch {
          broken.push(rule.name);
        }
      }
      for (const name of broken) noticed.add(name);
      const expected = rules.map(({ name }) => name).filter((name) => breaks.test(name));
      expect(expected).not.toEqual([]);
      expect(broken).toEqual(expected);
    });

    test('every rule about patients is broken by some mistake', () => {
      expect(rules.map(({ name }) => name).filter((name) => !noticed.has(name))).toEqual([]);
    });
  });
}
