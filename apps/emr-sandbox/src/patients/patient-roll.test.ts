import { expect, test } from 'vitest';
import type { Patient } from './patient.ts';
import { updatedAtOf } from './patient.ts';
import { PatientRoll, type Place, type Question } from './patient-roll.ts';

const T0 = '2026-02-01T00:00:00.000Z';

function rollWith(made: number): PatientRoll {
  const roll = new PatientRoll();
  roll.make(made, T0);
  for (const id of ['a', 'b', 'c']) roll.put({ id, mrn: `MRN-${id}` });
  return roll;
}

const idsOf = (rows: readonly Patient[]) => rows.map(({ id }) => id);
const everyone = { keeps: () => true, alike: true };

/** Every id of the roll, read in pages. */
function walk(roll: PatientRoll, question: Pick<Question, 'order' | 'keeps' | 'alike'>, limit: number) {
  const ids: string[] = [];
  let after: Place | undefined;
  for (;;) {
    const { rows, more } = roll.page({ ...question, after, limit });
    ids.push(...idsOf(rows));
    const last = rows.at(-1);
    if (!more || last === undefined) return ids;
    after = { number: roll.numberOf(last.id) as number, at: updatedAtOf(last) };
  }
}

test.each([1, 7, 50, 1000])('pages of %i lead through everyone once, in both orders', (limit) => {
  const roll = rollWith(333);
  roll.put({ ...(roll.record('made-120') as Patient), status: 'inactive', updatedAt: roll.stamp() });
  roll.put({ id: 'd', updatedAt: '2025-12-31T00:00:00.000Z' });
  const byNumber = walk(roll, { ...everyone, order: 'number' }, limit);
  expect(byNumber).toHaveLength(337);
  expect(new Set(byNumber).size).toBe(337);
  expect(byNumber.slice(0, 5)).toEqual(['a', 'b', 'c', 'd', 'made-1']);
  expect(byNumber[4 + 119]).toBe('made-120');
  const byUpdate = walk(roll, { ...everyone, order: 'update' }, limit);
  expect(new Set(byUpdate)).toEqual(new Set(byNumber));
  expect([byUpdate[0], byUpdate.at(-1)]).toEqual(['d', 'made-120']);
  const times = byUpdate.map((id) => updatedAtOf(roll.record(id) as Patient));
  expect(times).toEqual(times.toSorted());
});

test('an offset counts the patients that are kept, over ranges and single records alike', () => {
  const roll = rollWith(200);
  roll.put({ ...(roll.record('made-7') as Patient), status: 'deleted' });
  const keeps = ({ id, status }: Patient) => id !== 'b' && status !== 'deleted';
  const whole = roll.page({ order: 'number', keeps, alike: true, limit: 1000 }).rows;
  expect(whole).toHaveLength(201);
  expect(roll.count({ keeps, alike: true })).toBe(201);
  expect(roll.count({ keeps, alike: false })).toBe(201);
  for (const offset of [0, 1, 2, 7, 8, 9, 55, 199, 201, 500])
    for (const alike of [true, false])
      expect(idsOf(roll.page({ order: 'number', keeps, alike, offset, limit: 20 }).rows)).toEqual(
        idsOf(whole.slice(offset, offset + 20)),
      );
});

test('a made patient is found by id, number and MRN, before and after a change', () => {
  const roll = rollWith(100_000);
  const patient = { id: 'made-4711', mrn: 'MADE-004711' };
  expect(roll.get('made-4711')).toMatchObject(patient);
  expect(roll.byNumber(1_004_711)).toMatchObject(patient);
  expect(roll.withMrn('MADE-004711')).toMatchObject([patient]);
  roll.put({ ...(roll.get('made-4711') as Patient), mrn: 'MRN-a' });
  expect(roll.withMrn('MADE-004711')).toEqual([]);
  expect(idsOf(roll.withMrn('MRN-a'))).toEqual(['a', 'made-4711']);
  expect(roll.numberOf('made-4711')).toBe(1_004_711);
  for (const id of ['made-0', 'made-01', 'made-100001', 'made-', 'MADE-1'])
    expect(roll.record(id), id).toBeUndefined();
  for (const mrn of ['MADE-000000', 'MADE-4711', 'MADE-0004711', 'MADE-100001'])
    expect(roll.withMrn(mrn), mrn).toEqual([]);
});

test('fifty made patients share a time, and later changes are behind all of them', () => {
  const roll = rollWith(101);
  const times = ['made-1', 'made-50', 'made-51', 'made-101'].map((id) => roll.record(id)?.updatedAt);
  expect(times).toEqual([T0, T0, '2026-02-01T00:00:00.001Z', '2026-02-01T00:00:00.002Z']);
  expect(roll.stamp(new Date(T0))).toBe('2026-02-01T00:00:00.003Z');
});

test('a merged or deleted patient is not on file, and keeps its record and number', () => {
  const roll = rollWith(0);
  roll.put({ id: 'a', mrn: 'MRN-a', mergedInto: 'b' });
  roll.put({ id: 'c', mrn: 'MRN-c', status: 'deleted' });
  expect([roll.get('a'), roll.byNumber(3)]).toEqual([undefined, undefined]);
  expect([roll.record('a')?.mergedInto, roll.recordByNumber(3)?.id]).toEqual(['b', 'c']);
});
