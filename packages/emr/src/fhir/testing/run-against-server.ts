import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { BreakServer } from '../../conformance/break-server.ts';
import { openBreakingProxy } from '../../conformance/breaking-proxy.ts';
import { rulesFor } from '../../conformance/conformance.ts';
import { contextOf, runRule } from '../../conformance/rule.ts';
import type { UnderTest } from '../../conformance/under-test.ts';
import { practiceResources } from './practice-resources.ts';
import { bearer, type RunningServer } from './server-under-test.ts';

/** The refusals that the suite expects of a server that is not ours: most refuse a reference to a patient that is not there. */
export const REFUSALS: UnderTest['refusals'] = [
  { name: 'an unknown patient', change: { emrPatientId: 'pat-9' }, code: 'emr_refused' },
];

/**
 * Runs the conformance suite against a FHIR server that somebody else wrote, once for each of the settings. It writes to that server:
 * a practice, and a payment or more for each rule.
 */
export function runAgainstServer<Settings>(
  variants: readonly Settings[],
  underTest: (server: RunningServer, settings: Settings) => UnderTest,
): void {
  const running: RunningServer = { baseUrl: inject('fhirBaseUrl'), token: inject('fhirToken') };
  const headers = { 'content-type': 'application/fhir+json', ...bearer(running) };

  beforeAll(async () => {
    for (const resource of practiceResources) {
      const url = `${running.baseUrl}/${resource.resourceType}/${resource.id}`;
      const put = await fetch(url, { method: 'PUT', headers, body: JSON.stringify(resource) });
      expect(put.ok, `PUT ${url}: ${put.status} ${await put.text()}`).toBe(true);
    }
  });

  /** Rules about a server that rejects tokens concern only one that wants a token. */
  const concerns = (name: string) =>
    running.token !== '' || !/^credentials: (rejected|no answer holds)/.test(name);

  describe.each([...variants])('an EMR with the settings %j', (settings) => {
    const emr = underTest(running, settings);
    let server: BreakServer;
    beforeAll(async () => {
      server = await openBreakingProxy(running.baseUrl);
    });
    afterAll(() => server.close());

    const rules = rulesFor(emr).filter(({ name }) => concerns(name));
    test.each(rules)('$name', (rule) => runRule(rule, contextOf(emr, server)));
  });
}
