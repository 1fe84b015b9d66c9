import { expect, vi } from 'vitest';
import { canFind, expectTaken, hintsOf, newPosting, quiet, type Rule, readsLists, sending } from '../rule.ts';

export const stoppingRules: readonly Rule[] = [
  {
    name: 'stopping: nothing leaves when mayStillSend returns false, and the next call may send',
    async run({ emr, server, open }) {
      const adapter = open();
      const posting = newPosting(emr);
      const before = server.seen.length;
      let checks = 0;
      const mayStillSend = () => {
        checks += 1;
        return false;
      };
      expect(await adapter.post(posting, sending({ mayStillSend }))).toMatchObject({
        outcome: 'not_sent',
        code: 'claim_lost',
      });
      expect(checks).toBeGreaterThan(0);
      expect(server.seen.slice(before).filter((request) => emr.isSend(request))).toEqual([]);
      expect(await emr.entries(posting)).toEqual([]);
      expectTaken(emr, (await adapter.post(posting, sending())).outcome);
    },
  },
  {
    name: 'stopping: a post that is aborted already sends nothing',
    async run({ emr, open }) {
      const posting = newPosting(emr);
      const result = await open().post(posting, sending({ signal: AbortSignal.abort() }));
      expect(result).toMatchObject({ outcome: 'not_sent', code: 'aborted' });
      expect(await emr.entries(posting)).toEqual([]);
    },
  },
  {
    name: 'stopping: a post that is aborted after the EMR has the request is unknown',
    async run({ emr, server, open }) {
      const controller = new AbortController();
      const posting = newPosting(emr);
      server.hangAfter();
      const call = open().post(posting, sending({ signal: controller.signal }));
      await vi.waitFor(async () => expect(await emr.entries(posting)).toHaveLength(1), {
        timeout: 20_000,
        interval: 20,
      });
      controller.abort();
      expect(await call).toMatchObject({ outcome: 'unknown', code: 'aborted' });
    },
  },
  {
    name: 'stopping: a list or resolve that is aborted ends at once, as not_sent',
    concerns: readsLists,
    async run({ emr, server, open }) {
      const [{ given: paymentMethod }] = emr.practice.methods;
      const [{ given: location }] = emr.practice.locations;
      server.hangBefore();
      const controller = new AbortController();
      const before = server.seen.length;
      const calls = [
        open().list({ signal: controller.signal }),
        open().resolve({ paymentMethod, location }, { signal: controller.signal }),
      ];
      await vi.waitFor(() => expect(server.seen.length).toBeGreaterThanOrEqual(before + 2), {
        timeout: 20_000,
        interval: 5,
      });
      controller.abort();
      for (const call of calls) expect(await call).toMatchObject({ outcome: 'not_sent', code: 'aborted' });
    },
  },
  {
    name: 'stopping: a look-up that is aborted ends at once, as unavailable',
    concerns: canFind,
    async run({ emr, server, open }) {
      server.hangBefore();
      const controller = new AbortController();
      const before = server.seen.length;
      const call = open().find?.(hintsOf(newPosting(emr)), {
        signal: controller.signal,
      });
      await vi.waitFor(() => expect(server.seen.length).toBeGreaterThan(before), {
        timeout: 20_000,
        interval: 5,
      });
      controller.abort();
      expect(await call).toMatchObject({ outcome: 'unavailable', code: 'aborted' });
    },
  },
  {
    name: 'stopping: a check of a good connection counts what it lists, and sends nothing',
    async run({ emr, server, open }) {
      const before = server.seen.length;
      const lists = await open().list(quiet());
      if (lists.outcome !== 'listed') throw new Error(lists.detail);
      const checked = await open().check(quiet());
      if (!checked.ok) throw new Error(checked.reason);
      expect(checked).toMatchObject({
        methods: lists.anyMethod ? null : lists.methods.length,
        locations: lists.anyLocation ? null : lists.locations.length,
        remarks: emr.remarks,
      });
      const { mayBeUnusable = [] } = emr;
      expect(checked.unusable.filter((each) => !mayBeUnusable.includes(each))).toEqual([]);
      expect(server.seen.slice(before).filter((request) => emr.isSend(request))).toEqual([]);
    },
  },
];
