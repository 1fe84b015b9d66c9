import { expect } from 'vitest';
import { type Context, canFind, lookUp, newPosting, quiet, type Rule, sending } from '../rule.ts';

const PATIENT = 'JANE DOE, born 1970-01-01, SSN 078-05-1120';
const STATUSES = [200, 400, 401, 403, 404, 405, 409, 412, 422, 429, 500, 503];

/** Lets the EMR answer everything with an error in its own format, and with the patient's data in headers as well. */
function complain({ emr, server }: Context, { status, words }: { status: number; words: string }): void {
  server.changeAnswers(({ headers }) => ({
    status,
    headers: {
      ...headers,
      location: `/${encodeURIComponent(PATIENT)}`,
      warning: `199 - "${encodeURIComponent(PATIENT)}"`,
      'retry-after': encodeURIComponent(PATIENT),
      'x-request-id': encodeURIComponent(PATIENT),
    },
    body: emr.complaint(words),
  }));
}

/** All texts of an outcome, without the one member that is made for the EMR's own words. */
const sentencesOf = (outcome: object): string =>
  JSON.stringify(outcome, (name, value) => (name === 'emrText' ? undefined : value));

/** Rules about an EMR's free text, which can hold a patient's name: it is kept apart from our sentences. */
export const wordRules: readonly Rule[] = [
  ...STATUSES.map(
    (status): Rule => ({
      name: `words: no sentence holds the EMR's own, HTTP ${status}`,
      async run(context) {
        const { emr, open } = context;
        const [adapter, posting] = [open(), newPosting(emr)];
        complain(context, { status, words: PATIENT });
        const outcomes = [
          await adapter.post(posting, sending()),
          await adapter.list(quiet()),
          await adapter.resolve({ paymentMethod: 'x', location: 'x' }, quiet()),
          ...(canFind(emr, adapter) ? [await lookUp(adapter, posting)] : []),
        ];
        for (const outcome of outcomes)
          expect(sentencesOf(outcome)).not.toMatch(/JANE\b|\bDOE\b|1970-01|078-05/);
      },
    }),
  ),
  ...STATUSES.filter((status) => status >= 400).map(
    (status): Rule => ({
      name: `words: the EMR's own are kept apart, cleaned and clipped, HTTP ${status}`,
      async run(context) {
        complain(context, { status, words: `${PATIENT}\u0000\ud800\r\n ${'😀'.repeat(2000)}` });
        const outcome = await context.open().post(newPosting(context.emr), sending());
        const { emrText = '' } = outcome as { emrText?: string };
        expect(emrText.startsWith(PATIENT)).toBe(true);
        expect(emrText).not.toMatch(/[\p{Cc}\p{Cs}]/u);
        expect([...emrText].length).toBeLessThanOrEqual(1000);
      },
    }),
  ),
];
