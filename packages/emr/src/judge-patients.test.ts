import { expect, test } from 'vitest';
import { judgePatients } from './judge-patients.ts';

const whole = {
  emrPatientIds: ['48'],
  entriesSeen: 2,
  entriesUnderstood: 2,
  perhapsOurs: 0,
  matches: 2,
  total: null,
  complete: true,
  errorSaid: false,
  searchHonoured: true,
  servedFromCache: false,
};

test('from a whole answer: no patient, one, or several', () => {
  expect(judgePatients({ ...whole, emrPatientIds: [] })).toEqual({ outcome: 'none' });
  expect(judgePatients(whole)).toEqual({ outcome: 'found', emrPatientId: '48' });
  expect(judgePatients({ ...whole, emrPatientIds: ['48', '48'] })).toMatchObject({ outcome: 'found' });
  expect(judgePatients({ ...whole, emrPatientIds: ['48', '50'] })).toEqual({ outcome: 'several' });
});

const LACKS = [
  [{ entriesUnderstood: 1 }, 'answer_not_understood'],
  [{ complete: false }, 'answer_incomplete'],
  [{ errorSaid: true }, 'answer_incomplete'],
  [{ total: 3 }, 'answer_incomplete'],
  [{ searchHonoured: false }, 'search_not_honoured'],
  [{ servedFromCache: true }, 'answer_cached'],
] as const;

test.each(LACKS)('an answer with %j proves neither one patient nor none', (lack, code) => {
  for (const emrPatientIds of [['48'], []]) {
    const judged = judgePatients({ ...whole, ...lack, emrPatientIds });
    expect(judged).toMatchObject({ outcome: 'unavailable', code });
    expect(judged).toHaveProperty('detail', expect.not.stringContaining('payment'));
  }
  expect(judgePatients({ ...whole, ...lack, emrPatientIds: ['48', '50'] })).toEqual({ outcome: 'several' });
});
