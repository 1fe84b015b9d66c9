import type { LightMyRequestResponse } from 'fastify';
import { expect, test } from 'vitest';
import { openApiText } from '../publish/text.ts';
import { openContract } from './contract.ts';

const contract = openContract(JSON.parse(await openApiText()));
const get = { method: 'GET', url: '/v1/jobs/1', body: undefined };
const JOB = {
  job_id: 1,
  kind: 'post_payment',
  status: 'posted',
  sync: null,
  payment_id: '0'.repeat(32),
  created_at: '2026-06-15T10:30:00.000Z',
  settled_at: null,
};
const answer = (data: object, { status = 200, type = 'application/json' } = {}) =>
  ({
    statusCode: status,
    headers: { 'content-type': type },
    body: '',
    json: () => ({ success: true, message: 'Job.', data }),
  }) as unknown as LightMyRequestResponse;

test('an answer that is documented passes', () => {
  expect(() => contract(get, answer(JOB))).not.toThrow();
});

test.each([
  ['a field too many', get, answer({ ...JOB, patient_mrn: 'MRN-1' })],
  ['a field too few', get, answer({ job_id: 1 })],
  ['a wrong type', get, answer({ ...JOB, job_id: '1' })],
  ['a value that is no choice', get, answer({ ...JOB, kind: 'refund' })],
  ['another status', get, answer(JOB, { status: 418 })],
  ['another media type', get, answer(JOB, { type: 'text/html' })],
  ['a path that is not there', { ...get, url: '/v1/secret/1' }, answer(JOB)],
  ['a parameter that is not there', { ...get, url: '/v1/jobs/1?x=1' }, answer(JOB)],
])('%s does not pass', (_name, request, given) => {
  expect(() => contract(request, given)).toThrow(/document/);
});
