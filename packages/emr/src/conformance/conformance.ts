import { afterAll, beforeAll, describe, test } from 'vitest';
import { localAdapterDeps } from '../local-deps.ts';
import type { BreakServer } from './break-server.ts';
import { openBreakingProxy } from './breaking-proxy.ts';
import { type Context, contextOf, type Rule, runRule } from './rule.ts';
import { absenceRules } from './rules/absence.ts';
import { checkRules } from './rules/checks.ts';
import { credentialRules } from './rules/credentials.ts';
import { existingEntryRules } from './rules/existing-entries.ts';
import { fieldRules } from './rules/fields.ts';
import { gatewayRules } from './rules/gateways.ts';
import { lookUpRules } from './rules/look-up.ts';
import { methodDataRules } from './rules/method-data.ts';
import { nameRules } from './rules/names.ts';
import { patientListRules } from './rules/patient-list.ts';
import { patientRules } from './rules/patients.ts';
import { postingFaultRules } from './rules/posting-faults.ts';
import { readingFaultRules } from './rules/reading-faults.ts';
import { refusalRules } from './rules/refusals.ts';
import { retryAfterRules } from './rules/retry-after.ts';
import { sendingOnceRules } from './rules/sending-once.ts';
import { stoppingRules } from './rules/stopping.ts';
import { textRules } from './rules/text.ts';
import { wordRules } from './rules/words.ts';
import type { UnderTest } from './under-test.ts';

/** The rules that concern this adapter, as it is opened for its server. */
export function rulesFor(emr: UnderTest): readonly Rule[] {
  // Opened only to see what it declares: the server may not have started yet.
  const adapter = emr.open({
    deps: localAdapterDeps(),
    baseUrl: 'http://127.0.0.1:1',
    credentials: emr.credentials.good,
    timeoutMs: 1000,
  });
  return [
    ...fieldRules(emr),
    ...textRules,
    ...nameRules,
    ...refusalRules(emr),
    ...methodDataRules(emr),
    ...lookUpRules,
    ...absenceRules(emr),
    ...existingEntryRules,
    ...sendingOnceRules,
    ...stoppingRules,
    ...credentialRules,
    ...retryAfterRules,
    ...postingFaultRules,
    ...gatewayRules(emr),
    ...readingFaultRules,
    ...wordRules,
    ...patientRules(emr, adapter),
    ...patientListRules(emr, adapter),
    ...checkRules(emr),
  ].filter(({ concerns }) => concerns?.(emr, adapter) ?? true);
}

/**
 * Registers a test for every rule that an adapter must keep.
 *
 * @param emr the adapter and its server. The server may start in the caller's `beforeAll`: `emr.baseUrl` is not read before.
 * @param breakServer puts something that can break the wire in front of a base URL. The proxy does for any HTTP server.
 */
export function conformance(
  emr: UnderTest,
  breakServer: (baseUrl: string) => Promise<BreakServer> = openBreakingProxy,
): void {
  describe(`conformance of an adapter with the capability ${emr.capability}`, () => {
    let server: BreakServer;
    beforeAll(async () => {
      server = await breakServer(emr.baseUrl);
    });
    afterAll(() => server.close());

    let context: Context;
    beforeAll(() => {
      context = contextOf(emr, server);
    });
    // Not `test.each`: its titles cut a long name, and rules that differ in the end of it look the same.
    for (const rule of rulesFor(emr)) test(rule.name, () => runRule(rule, context));
  });
}
