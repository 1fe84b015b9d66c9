import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BreakServer } from './break-server.ts';
import { openBreakingProxy } from './breaking-proxy.ts';
import { rulesFor } from './conformance.ts';
import { contextOf, type Rule, runRule } from './rule.ts';
import type { UnderTest } from './under-test.ts';
import { wrongPatientLists } from './wrong/patient-list.ts';
import { wrongPatientSearches } from './wrong/patients.ts';
import { isTriedOn, type WrongAdapter, wronglyNoticed } from './wrong/wrong-adapter.ts';

type Mistakes = { title: string; about: RegExp; wrongAdapters: readonly WrongAdapter[] };

/** The mistakes of the parts that the adapter has. */
function mistakesFor({ patients, patientList }: UnderTest): Mistakes[] {
  const search = {
    title: 'a look-up for patients with a mistake',
    about: /^patients/,
    wrongAdapters: wrongPatientSearches,
  };
  const list = {
    title: 'a list of patients with a mistake',
    about: /^patient list/,
    wrongAdapters: wrongPatientLists,
  };
  return [...(patients === undefined ? [] : [search]), ...(patientList === undefined ? [] : [list])];
}

/**
 * Registers a test for each mistake that a look-up for patients or a list of them can contain: exactly the rules that are about it must
 * notice. For the test file of a dialect with one of them, beside `conformance`.
 */
export function patientMistakes(emr: UnderTest): void {
  describe.each(mistakesFor(emr))('$title', ({ about, wrongAdapters }) => {
    const rules: readonly Rule[] = rulesFor(emr).filter(({ name }) => about.test(name));
    const names = rules.map(({ name }) => name);
    const noticed = new Set<string>();
    let server: BreakServer;
    beforeAll(async () => {
      server = await openBreakingProxy(emr.baseUrl);
    });
    afterAll(() => server.close());

    const concerned = wrongAdapters.filter(({ needs }) => needs?.(emr) ?? true);
    test.each(concerned)('one that $mistake is noticed', async ({ wrap, ...wrongAdapter }) => {
      const open: UnderTest['open'] = (input) => wrap(emr.open(input), { emr, ...input });
      // It inherits, because `baseUrl` is there only once the server has started.
      const wrong = Object.assign(Object.create(emr) as UnderTest, { open });
      // One for all rules, as in `conformance`: its access token too.
      const context = contextOf(wrong, server);
      const broken: string[] = [];
      for (const rule of rules.filter((each) => isTriedOn(wrongAdapter, each))) {
        try {
          await runRule(rule, context);
        } catch {
          broken.push(rule.name);
        }
      }
      for (const name of broken) noticed.add(name);
      expect(broken).not.toEqual([]);
      expect(wronglyNoticed(wrongAdapter, { rules: names, broken })).toEqual({ missed: [], unexpected: [] });
    });

    test('every rule about patients is broken by some mistake', () => {
      expect(names.filter((name) => !noticed.has(name))).toEqual([]);
    });
  });
}
