import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { BreakServer } from '../../../conformance/break-server.ts';
import { openBreakingProxy } from '../../../conformance/breaking-proxy.ts';
import { rulesFor } from '../../../conformance/conformance.ts';
import { contextOf, runRule } from '../../../conformance/rule.ts';
import { practiceResources } from '../../../fhir/testing/practice-resources.ts';
import { FIXED, LISTED } from '../under-test.fixture.ts';
import { serverUnderTest } from './server-under-test.ts';

/**
 * The conformance suite against a FHIR R4 server that somebody else wrote. It writes to that server: a practice, and a payment or
 * more for each rule.
 */

const baseUrl = inject('fhirBaseUrl');
const token = inject('fhirToken');
const headers = {
  'content-type': 'application/fhir+json',
  ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
};

beforeAll(async () => {
  for (const resource of practiceResources) {
    const url = `${baseUrl}/${resource.resourceType}/${resource.id}`;
    const put = await fetch(url, { method: 'PUT', headers, body: JSON.stringify(resource) });
    expect(put.ok, `PUT ${url}: ${put.status} ${await put.text()}`).toBe(true);
  }
});

/** Rules about a server that rejects tokens concern only one that wants a token. */
const concerns = (name: string) => token !== '' || !/^credentials: (rejected|no answer holds)/.test(name);

describe.each([LISTED, FIXED, { ...LISTED, conditional_create: false }])(
  'an EMR with the settings %j',
  (settings) => {
    const refusals = [
      // The reference to a patient that is not there is refused by most.
      { name: 'an unknown patient', change: { emrPatientId: 'pat-9' }, code: 'emr_refused' },
    ];
    const emr = serverUnderTest({ baseUrl, token, settings, refusals });
    let server: BreakServer;
    beforeAll(async () => {
      server = await openBreakingProxy(baseUrl);
    });
    afterAll(() => server.close());

    const rules = rulesFor(emr).filter(({ name }) => concerns(name));
    test.each(rules)('$name', (rule) => runRule(rule, contextOf(emr, server)));
  },
);
