import { expect, test } from 'vitest';
import { ERROR_CODES, ERRORS, type ErrorCode, errorReply } from './errors.ts';
import { FAILURE_CODES, isFailureCode } from './failure-codes.ts';

const reply = (code: ErrorCode, repeatable = false) =>
  errorReply(code, {
    requestId: 'r',
    repeatable,
    details: {
      field: 'amount',
      rule: 'must be a positive number',
      mrn: 'MRN-12345',
      allow: 'POST',
      status: 'posted',
      reason: 'It refused the connection.',
      limit: 'at most 100 a second for each user',
      endpoint: 'we_1',
      scope: 'clients:read',
      record: 'client',
    },
  });

test('the published sentences, to the letter', () => {
  expect(reply('invalid_field').message).toBe(
    'Missing or invalid required field: amount (must be a positive number)',
  );
  expect(reply('patient_not_found').message).toBe(
    "Patient with MRN 'MRN-12345' not found. Please ensure the patient has been synced and has an EMR patient ID.",
  );
  expect(reply('user_not_found').message).toBe('User not found.');
});

test('every code has an error status and a whole sentence', () => {
  for (const code of ERROR_CODES) {
    expect(ERRORS[code].status).toBeGreaterThanOrEqual(400);
    expect(reply(code)).toEqual({
      success: false,
      message: expect.not.stringContaining('undefined'),
      code,
      request_id: 'r',
      safe_to_retry: expect.any(Boolean),
    });
  }
});

test('safe_to_retry: what may have been taken is repeated only with a key', () => {
  const always = [
    'request_timeout',
    'idempotency_key_in_flight',
    'rate_limited',
    'import_in_progress',
    'recovery_limit_reached',
    'test_in_progress',
    'connect_session_open',
    'connect_session_limit_reached',
    'patient_lookup_unavailable',
    'emr_unavailable',
    'emr_timeout',
  ];
  const safe = (repeatable: boolean) =>
    ERROR_CODES.filter((code) => reply(code, repeatable).safe_to_retry).toSorted();
  expect(safe(false)).toEqual(always.toSorted());
  expect(safe(true)).toEqual([...always, 'internal_error', 'service_unavailable'].toSorted());
});

test('failure codes are known by name and say what to do', () => {
  expect(isFailureCode('closed_period')).toBe(true);
  expect(isFailureCode('toString')).toBe(false);
  for (const { action } of Object.values(FAILURE_CODES)) expect(action).toMatch(/\.$/);
});
