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
  expect(ERROR_CODES.filter((code) => reply(code, true).safe_to_retry)).toEqual([
    'request_timeout',
    'idempotency_key_in_flight',
    'import_in_progress',
    'connect_session_open',
    'connect_session_limit_reached',
    'recovery_limit_reached',
    'test_in_progress',
    'rate_limited',
    'internal_error',
    'emr_unavailable',
    'patient_lookup_unavailable',
    'service_unavailable',
    'emr_timeout',
  ]);
  expect(ERROR_CODES.filter((code) => reply(code, false).safe_to_retry)).toEqual([
    'request_timeout',
    'idempotency_key_in_flight',
    'import_in_progress',
    'connect_session_open',
    'connect_session_limit_reached',
    'recovery_limit_reached',
    'test_in_progress',
    'rate_limited',
    'emr_unavailable',
    'patient_lookup_unavailable',
    'emr_timeout',
  ]);
});

test('failure codes are known by name and say what to do', () => {
  expect(isFailureCode('closed_period')).toBe(true);
  expect(isFailureCode('toString')).toBe(false);
  for (const { action } of Object.values(FAILURE_CODES)) expect(action).toMatch(/\.$/);
});
