import { describe, expect, test } from 'vitest';
import { quiet } from '../../conformance/rule.ts';
import {
  frame,
  hints,
  institution,
  location,
  openNexHealth,
  page,
  row,
  sync,
} from './nexhealth-server.fixture.ts';

const patient = (id: number) => ({ id, foreign_id: 'M-1', inactive: false });
const offices = (...ids: number[]) => frame([institution(ids.map((id) => location(id)))]);

/** Opens a practice of which each location's database has these patients. */
const open = (patients: Record<string, readonly object[]>, more: Record<string, unknown> = {}) =>
  openNexHealth({
    answers: {
      'GET /patients': (query: URLSearchParams) => page(patients[query.get('location_id') ?? ''] ?? []),
      ...more,
    },
  });

describe('a list of locations that may lack one', () => {
  test.each([
    ['a location that cannot be read', frame([institution([location(12), { name: 'No id' }])])],
    ['an institution that cannot be read', frame([institution([location(12)]), { name: 'Demo Dental' }])],
    ['none', frame([])],
    ['a list from a cache', { status: 200, body: offices(12), headers: { age: '60' } }],
  ])('%s: no patient is the only one or missing, and no list is whole', async (_name, locations) => {
    const { adapter } = await open({ 12: [patient(1)] }, { 'GET /locations': locations });
    const options = quiet();
    for (const mrn of ['M-1', 'M-2'])
      expect(await adapter.findPatient?.({ mrn }, options)).toMatchObject({ outcome: 'unavailable' });
    expect(await adapter.listPatients?.({ since: null, cursor: null }, options)).toMatchObject({
      outcome: 'unavailable',
      code: 'answer_incomplete',
    });
  });

  test('proves no payment absent, and shows one that is there', async () => {
    const locations = frame([institution([location(12), { name: 'No id' }])]);
    const { adapter } = await openNexHealth({ answers: { 'GET /locations': locations } });
    expect(await adapter.find?.(hints, quiet())).toMatchObject({
      outcome: 'unavailable',
      code: 'answer_incomplete',
    });
    const there = await openNexHealth({
      answers: { 'GET /locations': locations, 'GET /payments': page([row(9, '-350.10')]) },
    });
    expect(await there.adapter.find?.(hints, quiet())).toMatchObject({ outcome: 'found' });
  });
});

test('every database is searched, also one that shares a location with another', async () => {
  const syncs = frame([sync([12, 13]), sync([13, 14])]);
  const answers = { 'GET /locations': offices(12, 13, 14), 'GET /sync_status': syncs };
  const { adapter } = await open({ 14: [patient(4)] }, answers);
  expect(await adapter.findPatient?.({ mrn: 'M-1' }, quiet())).toEqual({
    outcome: 'found',
    emrPatientId: '4',
  });
  const only = await open({ 13: [patient(4)] }, { ...answers, 'GET /locations': offices(12, 13) });
  expect(await only.adapter.findPatient?.({ mrn: 'M-1' }, quiet())).toMatchObject({ outcome: 'found' });
});
