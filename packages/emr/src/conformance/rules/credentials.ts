import { expect } from 'vitest';
import { canFind, lookUp, newPosting, postAndSettle, quiet, type Rule, sending } from '../rule.ts';

export const credentialRules: readonly Rule[] = [
  {
    name: 'credentials: rejected ones are not_sent, unavailable or a reason, at every step',
    async run({ emr, open }) {
      const adapter = open({ credentials: emr.credentials.rejected });
      const posting = newPosting(emr);
      if (emr.lists === 'read') expect((await adapter.list(quiet())).outcome).toBe('not_sent');
      expect((await adapter.post(posting, sending())).outcome).toBe('not_sent');
      if (adapter.find !== undefined) expect((await lookUp(adapter, posting)).outcome).toBe('unavailable');
      expect((await adapter.check(quiet())).ok).toBe(false);
      expect(await emr.entries(posting)).toEqual([]);
    },
  },
  {
    name: 'credentials: no answer holds them',
    async run({ emr, open }) {
      const adapter = open({ credentials: emr.credentials.rejected });
      const results = [
        await adapter.list(quiet()),
        await adapter.post(newPosting(emr), sending()),
        await adapter.check(quiet()),
        adapter.find === undefined ? null : await lookUp(adapter, newPosting(emr)),
      ];
      for (const secret of Object.values(emr.credentials.rejected))
        expect(JSON.stringify(results)).not.toContain(secret);
    },
  },
  {
    name: 'credentials: that expire after the names were read are not_sent at the post',
    async run(context) {
      const { emr, server, open } = context;
      const adapter = open();
      const [{ given: paymentMethod }] = emr.practice.methods;
      const [{ given: location }] = emr.practice.locations;
      const names = await adapter.resolve({ paymentMethod, location }, quiet());
      if (names.outcome !== 'resolved') throw new Error(names.outcome);
      const posting = newPosting(emr, { method: names.method, location: names.location });
      server.answerBefore(emr.rejection);
      expect((await adapter.post(posting, sending())).outcome).toBe('not_sent');
      server.mend();
      expect(await emr.entries(posting)).toEqual([]);
      await postAndSettle(context, posting, adapter);
    },
  },
  {
    name: 'credentials: that expire after the post are unavailable at the look-up, never absent',
    concerns: canFind,
    async run({ emr, server, open }) {
      const adapter = open();
      const posting = newPosting(emr);
      await adapter.post(posting, sending());
      server.statusBefore(401);
      expect((await lookUp(adapter, posting)).outcome).toBe('unavailable');
    },
  },
];
