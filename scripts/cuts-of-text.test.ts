import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/*
 * A text that is cut by UTF-16 units can end in half of a character, which PostgreSQL and JSON refuse. Text that comes from outside
 * is cut by `clip` (packages/runtime/src/text.ts). Without types, a cut of a text looks like one of a list, so every
 * file that takes the beginning of something is here, with its reason.
 */

const root = join(import.meta.dirname, '..');

/** `.slice(0, …)`, `.substring(…)`, `.substr(…)`. The end of a text, `.slice(n)`, is cut where something was found. */
const CUT = /\.(?:slice\(\s*(?:0\s*,\s*-?[^)]+|-\d+)\)|substring\(|substr\()/;

/** Files that may cut, because what they cut is none of it. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'a list': [
    'packages/db/src/notices/hasten-look-ups.ts',
    'apps/api/src/errors/hints.ts',
    'apps/api/src/http/page.ts',
    'apps/cli/src/commands/hold.ts',
    'apps/cli/src/commands/keys.ts',
    'apps/cli/src/commands/payment-compare.ts',
    'apps/cli/src/output/patient-import.ts',
    'apps/emr-sandbox/src/dialects/drchrono/page.ts',
    'apps/emr-sandbox/src/dialects/nexhealth/patient-routes.ts',
    'apps/emr-sandbox/src/page/page-routes.ts',
    'apps/emr-sandbox/src/patients/patient-roll.ts',
    'packages/db/src/tenants/open-patient-import.ts',
    'packages/emr/src/dialects/nexhealth/sync-status.ts',
    'packages/emr/src/conformance/wrong/names-and-checks.ts',
    'packages/emr/src/names/match-names.ts',
    'packages/emr/src/names/names-in-sentences.ts',
    'packages/emr/src/fhir/check-mrn-system.ts',
    'packages/emr/src/fhir/check.ts',
    'packages/operations/src/doctor/check-work.ts',
    'packages/operations/src/doctor/check-connections.ts',
    'packages/operations/src/doctor/checks.ts',
    'packages/operations/src/patients/import-file.ts',
    'packages/operations/src/payments/read-payments.ts',
    'packages/runtime/src/logger.ts',
    'packages/runtime/src/tracing-config.ts',
    'packages/webhooks/src/verify.ts',
  ],
  'a time, digits, a hash or an id that we wrote ourselves': [
    'apps/api/src/testing/event-rows.ts',
    'apps/cli/src/commands/payment.ts',
    'apps/cli/src/output/table.ts',
    'apps/emr-sandbox/src/dialects/candid/payment.ts',
    'apps/emr-sandbox/src/dialects/candid/read-create.ts',
    'apps/emr-sandbox/src/dialects/drchrono/dialect.ts',
    'apps/emr-sandbox/src/dialects/canvas/patient-routes.ts',
    'apps/emr-sandbox/src/dialects/drchrono/patient-routes.ts',
    'apps/emr-sandbox/src/fhir/patient-routes.ts',
    'apps/emr-sandbox/src/dialects/drchrono/payment-row.ts',
    'apps/emr-sandbox/src/dialects/drchrono/read-payment.ts',
    'apps/emr-sandbox/src/dialects/drchrono/tokens.ts',
    'apps/emr-sandbox/src/dialects/athena/read-payment.ts',
    'apps/emr-sandbox/src/dialects/fhir-r5/read-posting.ts',
    'apps/emr-sandbox/src/dialects/nexhealth/read-payment.ts',
    'apps/api/src/audit/audited-routes.ts',
    'packages/db/src/migrations/concurrent-index.ts',
    'packages/contracts/src/endpoint-events.ts',
    'packages/contracts/src/event-envelope.ts',
    'packages/emr/src/dialects/drchrono/list-patients.ts',
    'packages/contracts/src/events.ts',
    'packages/contracts/src/ids.ts',
    'packages/emr/src/amounts.ts',
    'packages/emr/src/known-secrets.ts',
    'packages/emr/src/dialects/candid/payment.ts',
    'packages/emr/src/dialects/drchrono/find-posting.ts',
    'packages/emr/src/dialects/drchrono/payment.ts',
    'packages/emr/src/dialects/drchrono/settings.ts',
    'apps/emr-sandbox/src/fhir/client-assertion.ts',
    'apps/emr-sandbox/src/fhir/oauth-routes.ts',
    'packages/emr/src/conformance/wrong/demanding-adapter.ts',
    'packages/emr/src/fhir/no-refusals.fixture.ts',
    'apps/emr-sandbox/src/dialects/fhir-r4/posting-resource.ts',
    'apps/emr-sandbox/src/dialects/fhir-r4/structure.ts',
    'packages/emr/src/dialects/open-dental/office-day.ts',
    'apps/emr-sandbox/src/dialects/fhir-r5/posting-resource.ts',
    'apps/cli/src/commands/archive.ts',
    'apps/cli/src/commands/audit.ts',
    'packages/db/src/testing/open-past.ts',
    'packages/db/src/testing/past-payments.ts',
    'packages/emr/src/conformance/rules/absence.ts',
    'packages/operations/src/archive/archive-payments.ts',
    'packages/operations/src/archive/write-table.ts',
    'packages/stack/src/postgres/place.ts',
  ],
  'a text at a character that was found in it, such as `|`': [
    'packages/db/src/audit/network-of.ts',
    'packages/runtime/src/postgres-url.ts',
    'packages/runtime/src/redis-url.ts',
    'packages/runtime/src/tracing-exporter.ts',
    'packages/testkit/src/redis-process.ts',
    'apps/emr-sandbox/src/dialects/fhir-r4/client-assertion.ts',
    'apps/emr-sandbox/src/dialects/fhir-r4/search.ts',
    'apps/emr-sandbox/src/fhir/bundle.ts',
    'apps/emr-sandbox/src/fhir/identifiers.ts',
    'packages/db/src/audit/tally.ts',
    'packages/db/src/upkeep/seal-old-emr-text.ts',
    'apps/emr-sandbox/src/dialects/athena/tokens.ts',
    'apps/emr-sandbox/src/dialects/fhir-r5/payment-routes.ts',
    'packages/emr/src/dialects/fhir-r5/compare-entry.ts',
    'packages/emr/src/fhir/method-coding.ts',
    'packages/testkit/src/evil-requests.ts',
  ],
  'the end of a log, for a person': [
    'packages/stack/src/embedded-postgres.ts',
    'packages/testkit/src/sandbox-process.ts',
  ],
  'wrong on purpose': [
    'packages/emr/src/conformance/gateway-bodies.ts',
    'packages/emr/src/conformance/wrong/fields.ts',
  ],
  'clip and cutUnits themselves': ['packages/runtime/src/text.ts'],
};

test('text that comes from outside is cut by clip, and by nothing else', () => {
  const allowed = Object.values(ALLOWED).flat();
  const files = globSync('{apps,packages}/*/src/**/*.ts', {
    cwd: root,
    exclude: (path) => /node_modules|generated|\.test\.ts$/.test(String(path)),
  });
  const cutting = files.filter((file) => CUT.test(readFileSync(join(root, file), 'utf8')));
  expect(cutting.filter((file) => !allowed.includes(file)).toSorted()).toEqual([]);
  expect(cutting.length).toBeGreaterThan(10);
});
