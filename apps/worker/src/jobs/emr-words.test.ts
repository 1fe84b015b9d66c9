import { randomBytes } from 'node:crypto';
import { joined, type OurSentence, sentence } from '@emr-payments/contracts';
import { type ClaimedPosting, emrTextRow } from '@emr-payments/db';
import { type Keyring, type LogFields, open, parseKeyring } from '@emr-payments/runtime';
import { expect, test } from 'vitest';
import { reasonFor, sealWords, withWords } from './emr-words.ts';

const PATIENT = 'Jane Doe, born 1970-01-01';
const keyring = parseKeyring(`k1:${randomBytes(32).toString('base64')}`);
const posting = {
  claim: { jobId: 7, fence: 3 },
  payment: { id: '5f0c3c39-3c7e-4f43-9f53-0c3f7a1f5a11' },
  connection: { shareEmrText: false },
} as unknown as ClaimedPosting;
const sharing = { ...posting, connection: { ...posting.connection, shareEmrText: true } };
const reason = sentence`The EMR refused the payment.`;
const attempt = { outcome: 'refused' as const, code: 'emr_refused' };

function logging() {
  const logged: unknown[] = [];
  const log = (fields: LogFields, message: string) => void logged.push({ ...fields, message });
  return { logged, logger: { debug: log, info: log, warn: log, error: log } };
}

test('words are sealed for the row of the attempt, and are nowhere else in it', () => {
  const { logger } = logging();
  const sealed = sealWords({ keyring, logger }, { posting, attempt: { ...attempt, emrText: PATIENT } });
  expect(sealed).toEqual({ ...attempt, sealedEmrText: expect.stringMatching(/^k1\./) });
  expect(JSON.stringify(sealed)).not.toContain('Jane Doe');
  const row = emrTextRow({ paymentId: posting.payment.id, number: 3 });
  expect(open(keyring, row, sealed?.sealedEmrText ?? '')).toBe(PATIENT);
  expect(() =>
    open(keyring, emrTextRow({ paymentId: posting.payment.id, number: 4 }), sealed?.sealedEmrText ?? ''),
  ).toThrow();
  expect(sealWords({ keyring, logger }, { posting, attempt })).toEqual(attempt);
  expect(sealWords({ keyring, logger }, { posting, attempt: null })).toBeNull();
});

test('words that cannot be sealed are dropped, and the outcome is kept', () => {
  const { logged, logger } = logging();
  const broken: Keyring = { current: 'gone', keys: new Map() };
  const words = { ...attempt, emrText: PATIENT };
  expect(sealWords({ keyring: broken, logger }, { posting, attempt: words })).toEqual(attempt);
  expect(logged).toMatchObject([{ job_id: 7, message: "the EMR's words could not be sealed" }]);
});

test('words belong to the attempt of the call; without one they are not kept', () => {
  const end = { status: 'failed' as const, attempt };
  expect(withWords(end, { emrText: PATIENT })).toEqual({ ...end, attempt: { ...attempt, emrText: PATIENT } });
  expect(withWords(end, {})).toBe(end);
  expect(withWords({ attempt: null }, { emrText: PATIENT })).toEqual({ attempt: null });
});

test('a reason says who can read the words, or has them where the connection shares them', () => {
  const worded = { ...attempt, emrText: PATIENT };
  expect(reasonFor(posting, { reason, attempt })).toBe(reason);
  expect(reasonFor(sharing, { reason, attempt })).toBe(reason);
  expect(reasonFor(posting, { reason, attempt: worded })).toBe(
    `${reason} The operator of this service can read the EMR's own words.`,
  );
  expect(reasonFor(sharing, { reason, attempt: worded })).toBe(`${reason} The EMR said: ${PATIENT}`);
  const long = reasonFor(sharing, { reason, attempt: { ...attempt, emrText: '😀'.repeat(900) } });
  expect([...long]).toHaveLength(300);
  expect(long.isWellFormed()).toBe(true);
  const full = joined(Array<OurSentence>(20).fill(reason), ' ');
  expect(reasonFor(sharing, { reason: full, attempt: worded }), 'our own sentence is not cut').toBe(full);
});
