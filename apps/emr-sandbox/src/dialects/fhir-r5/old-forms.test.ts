import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { demoPractice } from '../../demo-practice.ts';
import { openLedger } from '../../ledger.ts';
import { parseSeed } from '../../practice.ts';
import { goodPayment, sandboxForTest } from '../../testing/sandbox.ts';
import { upgradeLine, upgradeSeed } from './old-forms.ts';

const KEY = 'identifier=urn:emr-payments:payment-id|123e4567e89b12d3a456426614174001';
const patient = { resourceType: 'Patient', id: 'late', active: false, identifier: [{ value: 'MRN-9' }] };
const stored = {
  ...goodPayment,
  paymentIssuer: { reference: 'Patient/late' },
  id: '13969262',
  meta: { versionId: '1', lastUpdated: '2026-06-15T10:30:01.000Z' },
};
/** Ledger lines as version 0.0.0 wrote them. */
const OLD_LINES = [
  { kind: 'resource', resource: patient },
  { kind: 'posting', seq: 1, resource: stored },
  {
    kind: 'resource',
    resource: {
      resourceType: 'CodeSystem',
      id: 'payment-methods',
      concept: [{ code: 'CARD', display: 'Plastic' }],
    },
  },
];

async function oldFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'old-ledger-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'ledger.jsonl');
  await writeFile(path, OLD_LINES.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return path;
}

test('a ledger file of FHIR resources opens: same ledger, same FHIR answers, same practice', async () => {
  const { app, create } = await sandboxForTest({ ledgerFile: await oldFile() });
  expect((await app.inject('/sandbox/ledger')).json()).toEqual({
    count: 1,
    entries: [
      {
        seq: 1,
        emr_transaction_id: '13969262',
        payment_id: '123e4567e89b12d3a456426614174001',
        received_at: '2026-06-15T10:30:01.000Z',
        patient_id: 'late',
        patient_mrn: 'MRN-9',
        amount: 350,
        payment_method: 'Plastic',
        reference_number: '#123456',
        location: '1404',
        location_name: 'Main Street Clinic',
        notes: 'Patient copay collected at front desk',
        deposit_date: '2026-06-15',
        dialect: 'fhir-r5',
      },
    ],
  });
  expect((await app.inject('/fhir/PaymentReconciliation/13969262')).body).toBe(JSON.stringify(stored));
  // A server adds when a resource was changed.
  const meta = { lastUpdated: '2026-01-01T00:00:00.000Z' };
  expect((await app.inject('/fhir/Patient/late')).json()).toEqual({ ...patient, meta });
  const again = await create(goodPayment, { 'if-none-exist': KEY });
  expect([again.statusCode, again.json().id]).toEqual([200, '13969262']);
});

test('new lines are added to an old file, and it opens again', async () => {
  const path = await oldFile();
  const before = await sandboxForTest({ ledgerFile: path });
  const made = await before.create(goodPayment);
  expect(made.json().id).toBe('13969263');
  await before.app.close();

  const lines = (await readFile(path, 'utf8')).split('\n');
  expect(lines.slice(0, 3)).toEqual(OLD_LINES.map((line) => JSON.stringify(line)));
  const again = await openLedger({ upgradeLine }, { path });
  expect(again.entries.map(({ id, posting }) => [id, posting.patientId])).toEqual([
    ['13969262', 'late'],
    ['13969263', 'pat-1001'],
  ]);
  await again.close();
});

test('a line that neither version wrote stops the start', async () => {
  const path = await oldFile();
  await appendFile(path, '{"kind":"refund"}\n');
  await expect(openLedger({ upgradeLine }, { path })).rejects.toThrow(
    'line 4 of the ledger file is of an unknown kind',
  );
});

test('a seed file of FHIR resources is read, and they are given back as they came', async () => {
  const location = {
    resourceType: 'Location',
    id: 'l',
    mode: 'kind',
    name: 'Here',
    identifier: [{ value: '7' }],
  };
  const text = JSON.stringify({
    patients: [patient],
    locations: [location],
    payment_methods: [{ code: 'CARD', display: 'Plastic' }],
  });
  const seed = parseSeed({ upgradeSeed }, text);
  expect(seed).toMatchObject({
    patients: [{ id: 'late', mrn: 'MRN-9' }],
    locations: [{ id: 'l', name: 'Here', identifiers: ['7'] }],
    payment_methods: [{ id: 'CARD', name: 'Plastic' }],
  });
  const { app } = await sandboxForTest({ seed });
  expect((await app.inject('/fhir/Location/l')).body).toBe(JSON.stringify(location));
});

test('a seed file of the current form is read, and a wrong one is refused by name', () => {
  expect(parseSeed({ upgradeSeed }, JSON.stringify(demoPractice))).toEqual(demoPractice);
  const wrong = { ...demoPractice, patients: [{ mrn: 'MRN-1' }] };
  expect(() => parseSeed({ upgradeSeed }, JSON.stringify(wrong))).toThrow('SEED_FILE: /patients/0/id');
});
