import { expect } from 'vitest';
import type { WireAnswer } from '../break-server.ts';
import { quiet, type Rule } from '../rule.ts';
import type { UnderTest } from '../under-test.ts';

/** A gateway's words, such as no EMR has: they may hold anything. */
const GATEWAY_WORDS = 'Gateway 7 closed to Jane Roe';

const refusal = (words: string) => (): WireAnswer => ({
  status: 403,
  headers: { 'content-type': 'text/html' },
  body: `<html><head><style>p { color: red }</style></head><body><p>${words}</p></body></html>`,
});

const stated = (emr: UnderTest): Rule[] =>
  emr.statements.map(({ name, request, change, makes }) => ({
    name: `check, ${name}: ${makes === 'refused' ? 'a reason with the request' : 'the settings that it makes'}`,
    async run({ server, open }) {
      server.changeAnswers(change);
      const checked = await open().check(quiet());
      if (makes === 'refused')
        expect(checked).toEqual({
          ok: false,
          trouble: expect.objectContaining({ code: expect.any(String), detail: expect.any(String) }),
          reason: expect.stringContaining(request),
        });
      else expect(checked).toMatchObject({ ok: true, settings: makes });
    },
  }));

/** Rules about what a check finds out, and to whom it says what the EMR says. */
export const checkRules = (emr: UnderTest): readonly Rule[] => [
  ...stated(emr),
  {
    name: 'check: counts the names of a list, and none where the EMR has no list',
    async run({ open }) {
      const checked = await open().check(quiet());
      const count = (any: boolean) => (any ? null : expect.any(Number));
      expect(checked).toMatchObject({
        ok: true,
        methods: count(emr.anyName.method),
        locations: count(emr.anyName.location),
      });
    },
  },
  {
    name: "check, a refusal: the reason has the status and the EMR's words, and no credential",
    async run({ server, open }) {
      const secrets = Object.values(emr.credentials.good);
      server.changeAnswers(refusal([GATEWAY_WORDS, ...secrets].join(' ')));
      const checked = await open().check(quiet());
      expect(checked).toEqual({
        ok: false,
        trouble: expect.objectContaining({ code: expect.any(String), detail: expect.any(String) }),
        reason: expect.stringMatching(/HTTP 403/),
      });
      expect(checked).toHaveProperty('reason', expect.stringContaining(GATEWAY_WORDS));
      for (const secret of secrets) expect(JSON.stringify(checked)).not.toContain(secret);
    },
  },
];
