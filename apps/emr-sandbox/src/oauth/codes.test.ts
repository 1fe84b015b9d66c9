import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { CODE_SECONDS, createCodes, type Grant } from './codes.ts';

const VERIFIER = 'v'.repeat(43);
const grant: Grant = {
  clientId: 'app',
  redirectUri: 'http://127.0.0.1/back',
  scopes: ['a'],
  challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
};

function codesForTest() {
  let time = 1_700_000_000_000;
  const ended: Grant[] = [];
  const codes = createCodes({ onSecondUse: (each) => ended.push(each), now: () => time });
  const redeem = (code: string, verifier: string | undefined = VERIFIER) =>
    codes.redeem({ code, clientId: 'app', redirectUri: grant.redirectUri, verifier });
  return { codes, redeem, ended, pass: (ms: number) => (time += ms) };
}

test('a code ends after a minute', () => {
  const { codes, redeem, pass } = codesForTest();
  const [first, second] = [codes.issue(grant), codes.issue(grant)];
  pass(CODE_SECONDS * 1000 - 1);
  expect(redeem(first)).toBe(grant);
  pass(1);
  expect(() => redeem(second)).toThrow('expired');
});

test.each([undefined, 'w'.repeat(43), 'v'.repeat(42), grant.challenge])(
  'the verifier %s is refused',
  (verifier) => {
    const { codes } = codesForTest();
    const code = codes.issue(grant);
    expect(() => codes.redeem({ code, clientId: 'app', redirectUri: grant.redirectUri, verifier })).toThrow(
      'code_verifier',
    );
  },
);

test('a refused try does not use the code up, and a second use is noticed', () => {
  const { codes, redeem, ended } = codesForTest();
  const code = codes.issue(grant);
  expect(() => redeem(code, 'w'.repeat(43))).toThrow('wrong');
  redeem(code);
  expect(ended).toEqual([]);
  expect(() => redeem(code)).toThrow('used before');
  expect(ended).toEqual([grant]);
});
