import type { AddressInfo } from 'node:net';
import { CandidApi, CandidApiClient } from 'candidhealth';
import { expect, test } from 'vitest';
import { PHI_MARKS } from '../../patients/person.ts';
import { sandboxForTest } from '../../testing/sandbox.ts';
import { practiceOf } from '../../testing/walk.ts';
import { candid } from './dialect.ts';

/** The vendor's own client, which decodes strictly: what it reads here, it reads of the vendor. */
async function practice(options: Parameters<typeof sandboxForTest>[0] = {}) {
  const { app } = await sandboxForTest({ dialects: [candid], token: 's3cret', ...options });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/candid`;
  const client = new CandidApiClient({
    environment: { candidApi: url, preEncounter: url },
    clientId: 'app-1',
    clientSecret: 's3cret',
    maxRetries: 0,
  });
  return { client, patients: client.preEncounter.patients.v1, ...practiceOf(app) };
}

/** @throws the answer of a call that was not good. */
function bodyOf<T>(answer: { ok: true; body: T } | { ok: false; error: unknown }): T {
  if (!answer.ok) throw new Error(JSON.stringify(answer.error));
  return answer.body;
}

test("the vendor's client finds a patient by MRN, and reads the id that payments take", async () => {
  const { patients, client } = await practice();
  const found = bodyOf(await patients.getMulti({ mrn: 'MRN-12346' })).items;
  expect(found).toMatchObject([{ mrn: 'MRN-12346', externalProvenance: { externalId: 'pat-1002' } }]);
  const [patient] = found;
  if (patient === undefined) throw new Error('nobody was found');
  expect(bodyOf(await patients.get(patient.id))).toEqual(patient);
  expect(bodyOf(await patients.getByMrn('MRN-12346'))).toEqual(patient);
  expect(bodyOf(await patients.search({ mrn: 'MRN-12346' }))).toEqual([patient]);
  expect(bodyOf(await patients.search({ mrn: 'MRN-1234' }))).toEqual([]);
  expect(await patients.getByMrn('MRN-0')).toMatchObject({ ok: false });
  const text = JSON.stringify(patient);
  for (const mark of PHI_MARKS.filter((each) => each !== '07/15/1931')) expect(text).toContain(mark);
  const paid = await client.patientPayments.v4.create({
    amountCents: 100,
    patientExternalId: CandidApi.PatientExternalId(patient.externalProvenance?.externalId ?? ''),
    allocations: [{ amountCents: 100, target: { type: 'unattributed' as const } }],
  });
  expect(paid.ok).toBe(true);
});

test("the vendor's client lists everyone by page token", async () => {
  const { patients } = await practice({ patients: 250 });
  const seen = new Set<string>();
  let pageToken: CandidApi.preEncounter.PageToken | undefined;
  do {
    const page = bodyOf(await patients.getMulti({ limit: 100, ...(pageToken && { pageToken }) }));
    for (const { id } of page.items) seen.add(id);
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
  expect(seen.size).toBe(255);
});

test("the vendor's polling pattern gets past everyone, and sees who left", async () => {
  const { patients, remove, merge } = await practice({ patients: 333 });
  await remove('pat-1001');
  await merge('pat-1002', 'pat-1003');
  const seen = new Map<string, boolean>();
  let since = new Date('2026-01-01T00:00:00Z');
  for (;;) {
    const rows = bodyOf(await patients.scan({ since }));
    for (const { mrn, deactivated } of rows) seen.set(mrn, deactivated);
    const last = rows.at(-1)?.updatedAt;
    if (last === undefined || last.getTime() === since.getTime()) break;
    since = last;
  }
  expect(seen.size).toBe(338);
  expect([...seen].filter(([, deactivated]) => deactivated).map(([mrn]) => mrn)).toEqual([
    'MRN-12345',
    'MRN-12346',
  ]);
});
