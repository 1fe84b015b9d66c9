import { randomUUID } from 'node:crypto';
import { sentence } from '@emr-payments/contracts';
import type { ClaimedPosting, KnownEntry } from '@emr-payments/db';
import {
  absent,
  type CallOptions,
  type EmrAdapter,
  type FindHints,
  type FindOutcome,
} from '@emr-payments/emr';
import { expect, test } from 'vitest';
import { KNOWN_NOT_SHOWN, type KnownInput, SETTLING, settleDoubt } from './settle-doubt.ts';

const signal = new AbortController().signal;
const sentAt = new Date('2026-06-15T10:00:00Z');
const leftBy = new Date('2026-06-15T10:00:30Z');
const posting = {
  payment: { id: randomUUID(), emrPatientId: 'pat-1', amount: '350.10', depositDate: '2026-06-15' },
  unresolvedMs: 5000,
  unresolvedSentAt: sentAt,
  unresolvedLeftBy: leftBy,
  unresolvedAt: ['here'],
  acceptedMs: null,
  rejection: { acceptedSince: false, proven: false },
} as ClaimedPosting;

const ABSENT = absent({
  entriesSeen: 0,
  entriesUnderstood: 0,
  perhapsOurs: 0,
  matches: 0,
  total: 0,
  complete: true,
  errorSaid: false,
  searchHonoured: true,
  servedFromCache: false,
});

/**
 * An adapter whose `find` has this outcome; without an outcome it has no `find`. `known` are the outcomes for payments that the EMR took
 * before.
 */
function adapterWith(
  capability: EmrAdapter['capability'],
  outcome?: FindOutcome,
  known: readonly FindOutcome[] = [],
) {
  const asked: FindHints[] = [];
  const find = async (hints: FindHints, options: CallOptions) => {
    // A look-up that a limit cuts short begins again with its first call.
    expect(options).toEqual({ signal, waitsLong: true });
    asked.push(hints);
    return (KNOWN.has(hints.paymentId) ? known[asked.length - 2] : outcome) as FindOutcome;
  };
  const part: Pick<EmrAdapter, 'capability' | 'place' | 'settleMs' | 'confirmWithinMs' | 'find'> = {
    capability,
    place: 'here',
    settleMs: 6000,
    confirmWithinMs: 60_000,
  };
  const adapter = (outcome === undefined ? part : { ...part, find }) as EmrAdapter;
  const knownEntries = async (input: KnownInput) => {
    expect(input).toEqual({ place: 'here', limit: 3, leftBy, settleMs: 6000 });
    return ENTRIES.slice(0, known.length);
  };
  return { adapter, signal, asked, knownEntries };
}

const ENTRIES: readonly KnownEntry[] = [1, 2, 3].map((number) => ({
  id: randomUUID(),
  emrPatientId: `pat-${number}`,
  amount: `${number}.00`,
  depositDate: '2026-06-01',
  sentAt: new Date('2026-06-01T10:00:00Z'),
  leftBy: new Date('2026-06-01T10:00:01Z'),
}));
const KNOWN = new Set(ENTRIES.map(({ id }) => id.replaceAll('-', '')));

const FOUND: FindOutcome = {
  outcome: 'found',
  emrTransactionId: '7',
  rows: [{ id: '7', amount: '350.10' }],
  sum: '350.10',
};

test('the look-up gets everything that is known about the payment', async () => {
  const far = adapterWith('lookup', FOUND);
  expect(await settleDoubt(far, posting)).toEqual({ known: 'found', emrTransactionId: '7' });
  expect(far.asked).toEqual([
    {
      paymentId: posting.payment.id.replaceAll('-', ''),
      emrPatientId: 'pat-1',
      amount: '350.10',
      depositDate: '2026-06-15',
      sentAt,
      leftBy,
    },
  ]);
});

test('without a send in doubt nothing is looked up', async () => {
  const far = adapterWith('lookup', ABSENT);
  const settled = { ...posting, unresolvedMs: null, unresolvedSentAt: null };
  expect(await settleDoubt(far, settled)).toEqual({ known: 'nothing_sent' });
  expect(far.asked).toEqual([]);
});

test.each(['lookup', 'conditional-create'] as const)(
  '%s: absent is believed only after settleMs',
  async (capability) => {
    const far = adapterWith(capability, ABSENT);
    expect(await settleDoubt(far, posting)).toMatchObject({
      known: 'not_yet',
      trouble: { code: SETTLING, retryAfterMs: 1000 },
    });
    expect(await settleDoubt(far, { ...posting, unresolvedMs: 6000 })).toEqual({ known: 'absent' });
  },
);

test('a conditional create that cannot be looked up is sent again only after settleMs', async () => {
  const far = adapterWith('conditional-create');
  expect(await settleDoubt(far, posting)).toMatchObject({
    known: 'not_yet',
    trouble: { code: SETTLING, retryAfterMs: 1000 },
  });
  expect(await settleDoubt(far, { ...posting, unresolvedMs: 6000 })).toEqual({ known: 'repeatable' });
});

test('what was sent elsewhere can be found, and is neither absent nor sent again', async () => {
  const moved = { ...posting, unresolvedMs: 6000, unresolvedAt: ['here', 'elsewhere'] };
  expect(await settleDoubt(adapterWith('lookup', ABSENT), moved)).toMatchObject({ known: 'never' });
  expect(await settleDoubt(adapterWith('conditional-create'), moved)).toMatchObject({ known: 'never' });
  const far = adapterWith('lookup', FOUND);
  expect(await settleDoubt(far, moved)).toEqual({ known: 'found', emrTransactionId: '7' });
});

const LATE = { ...posting, unresolvedMs: 6000 };
const ANOTHER = { outcome: 'differs', emrTransactionId: '7', difference: sentence`another amount` } as const;

const unclear = (code: 'answer_not_understood' | 'entry_unreadable' | 'unknown_patient'): FindOutcome => ({
  outcome: 'unavailable',
  code,
  detail: sentence`Nothing follows from it.`,
});

test.each<[string, FindOutcome[], number]>([
  ['none is known', [], 1],
  ['the first one is shown', [FOUND, ABSENT, ABSENT], 2],
  ['one is shown with other fields', [ANOTHER], 2],
  ['one of three is shown', [ABSENT, ABSENT, FOUND], 4],
  // Somebody merged the patient of the first one, and changed the note of the second one.
  [
    'one of three is shown, and no evidence of the others',
    [unclear('unknown_patient'), unclear('answer_not_understood'), FOUND],
    4,
  ],
])('absent is believed when %s of the entries that the EMR has', async (_name, known, calls) => {
  const far = adapterWith('lookup', ABSENT, known);
  expect(await settleDoubt(far, LATE)).toEqual({ known: 'absent' });
  expect(far.asked).toHaveLength(calls);
});

test('absent is not believed of a search that shows nothing of what the EMR has', async () => {
  for (const capability of ['lookup', 'conditional-create'] as const) {
    const far = adapterWith(capability, ABSENT, [ABSENT, ABSENT, ABSENT]);
    expect(await settleDoubt(far, LATE)).toEqual({
      known: 'not_yet',
      trouble: {
        code: KNOWN_NOT_SHOWN,
        detail: 'The EMR does not show this payment, and none of 3 that it has taken either.',
      },
    });
    expect(far.asked[1]).toEqual({
      paymentId: ENTRIES[0]?.id.replaceAll('-', ''),
      emrPatientId: 'pat-1',
      amount: '1.00',
      depositDate: '2026-06-01',
      sentAt: new Date('2026-06-01T10:00:00Z'),
      leftBy: new Date('2026-06-01T10:00:01Z'),
    });
  }
  const none = adapterWith('lookup', ABSENT, [
    unclear('unknown_patient'),
    ABSENT,
    unclear('entry_unreadable'),
  ]);
  expect(await settleDoubt(none, LATE)).toMatchObject({
    known: 'not_yet',
    trouble: { code: KNOWN_NOT_SHOWN },
  });
  const trouble = { code: 'timeout' as const, detail: sentence`The EMR did not answer in time.` };
  const far = adapterWith('lookup', ABSENT, [ABSENT, { outcome: 'unavailable', ...trouble }]);
  expect(await settleDoubt(far, LATE)).toMatchObject({ known: 'not_yet', trouble });
});

test('where the EMR took others after the payment, it must show one of those: its index may be behind', async () => {
  const [old, ...others] = ENTRIES as [KnownEntry, ...KnownEntry[]];
  const laterThan = (ms: number) => new Date(leftBy.getTime() + ms);
  const settleWith = (entries: readonly KnownEntry[], known: FindOutcome[]) => {
    const far = adapterWith('lookup', ABSENT, known);
    return settleDoubt({ ...far, knownEntries: async () => entries }, LATE);
  };
  const later = others.map((entry) => ({ ...entry, sentAt: laterThan(1) }));
  expect(await settleWith([...later, old], [ABSENT, ABSENT, FOUND])).toMatchObject({
    known: 'not_yet',
    trouble: { code: KNOWN_NOT_SHOWN },
  });
  expect(await settleWith([...later, old], [ABSENT, FOUND])).toEqual({ known: 'absent' });
  const before = others.map((entry) => ({ ...entry, sentAt: laterThan(0) }));
  expect(await settleWith([...before, old], [ABSENT, ABSENT, FOUND])).toEqual({ known: 'absent' });
});

test('what the EMR has is not asked for while an empty search proves nothing anyway', async () => {
  const far = adapterWith('lookup', ABSENT, [FOUND]);
  await settleDoubt(far, posting);
  await settleDoubt(far, { ...LATE, unresolvedAt: ['elsewhere'] });
  await settleDoubt(far, { ...LATE, unresolvedMs: null, acceptedMs: 6000 });
  expect(far.asked).toHaveLength(3);
});

test('a look-up that fails is no evidence', async () => {
  const trouble = { code: 'timeout' as const, detail: sentence`The EMR did not answer in time.` };
  const far = adapterWith('lookup', { outcome: 'unavailable', ...trouble });
  expect(await settleDoubt(far, posting)).toMatchObject({ known: 'not_yet', trouble });
});

test('an entry that differs is neither found nor absent', async () => {
  const difference = sentence`another amount`;
  const entry = { outcome: 'differs', emrTransactionId: '7', difference } as const;
  for (const capability of ['lookup', 'conditional-create'] as const)
    expect(await settleDoubt(adapterWith(capability, entry), { ...posting, unresolvedMs: 6000 })).toEqual({
      known: 'differs',
      entry,
    });
});

test('rows that are not the payment together are neither found nor absent', async () => {
  const rows = ['7', '8'].map((id) => ({ id, amount: '350.10' }));
  const entries = { outcome: 'several', rows, sum: '700.20' } as const;
  const settled = { ...posting, unresolvedMs: 6000 };
  for (const capability of ['lookup', 'conditional-create'] as const) {
    const far = adapterWith(capability, entries);
    for (const asked of [settled, { ...settled, unresolvedMs: null, acceptedMs: 6000 }])
      expect(await settleDoubt(far, asked)).toEqual({ known: 'several', entries });
  }
});

test('rows that the EMR may still be writing are not judged', async () => {
  const rows = ['7', '8'].map((id) => ({ id, amount: '100.00' }));
  const difference = sentence`another amount`;
  for (const answer of [
    { outcome: 'several', rows, sum: '200.00' },
    { outcome: 'differs', emrTransactionId: '7', difference },
  ] as const) {
    const far = adapterWith('lookup', answer);
    expect(await settleDoubt(far, posting)).toMatchObject({
      known: 'not_yet',
      trouble: { code: 'entry_unreadable', retryAfterMs: 1000 },
    });
    const trouble = { code: SETTLING, retryAfterMs: 1000 };
    const accepted = { ...posting, unresolvedMs: null, acceptedMs: 5000 };
    expect(await settleDoubt(far, accepted)).toMatchObject({ known: 'accepted', trouble });
    // An earlier send whose answer was lost, and a later one that was accepted.
    const both = { ...posting, unresolvedMs: 9000, acceptedMs: 5000 };
    expect(await settleDoubt(far, both)).toMatchObject({ known: 'accepted', trouble });
  }
});

test('an entry that a try saw is not absent when the EMR no longer shows it', async () => {
  for (const capability of ['lookup', 'conditional-create'] as const) {
    const seen = { ...LATE, lastCode: 'entry_unreadable' };
    expect(await settleDoubt(adapterWith(capability, ABSENT), seen)).toEqual({
      known: 'not_yet',
      trouble: {
        code: 'entry_unreadable',
        detail:
          "The EMR had an entry with this payment's id, and no longer shows it: somebody may have removed it.",
      },
    });
    expect(await settleDoubt(adapterWith(capability, FOUND), seen)).toMatchObject({ known: 'found' });
  }
});

test('an EMR without any means to look up leaves the doubt for ever', async () => {
  expect(await settleDoubt(adapterWith('none'), posting)).toMatchObject({ known: 'never' });
});

test('what the EMR has accepted is looked up until its limit, and is never absent', async () => {
  const accepted = { ...posting, unresolvedMs: null, acceptedMs: 59_999 };
  const trouble = { code: 'timeout' as const, detail: sentence`The EMR did not answer in time.` };
  const late = { ...accepted, acceptedMs: 60_000 };
  for (const capability of ['lookup', 'conditional-create'] as const) {
    const far = adapterWith(capability, ABSENT);
    expect(await settleDoubt(far, accepted)).toMatchObject({
      known: 'accepted',
      trouble: { code: 'not_there_yet' },
    });
    expect(await settleDoubt(far, late)).toMatchObject({ known: 'not_confirmed' });
    const down = adapterWith(capability, { outcome: 'unavailable', ...trouble });
    expect(await settleDoubt(down, accepted)).toMatchObject({ known: 'accepted', trouble });
    expect(await settleDoubt(down, late)).toMatchObject({ known: 'not_confirmed' });
    // The entry may have been there all the time: nobody could look.
    for (const code of ['unauthorized', 'login_required'] as const) {
      const locked = adapterWith(capability, { outcome: 'unavailable', ...trouble, code });
      expect(await settleDoubt(locked, late)).toMatchObject({ known: 'accepted', trouble: { code } });
      // Unless the EMR accepts the same credentials for others.
      const alone = { ...late, rejection: { acceptedSince: true, proven: false } };
      expect(await settleDoubt(locked, alone)).toMatchObject({ known: 'not_confirmed' });
    }
    const found = adapterWith(capability, FOUND);
    expect(await settleDoubt(found, late)).toEqual({ known: 'found', emrTransactionId: '7' });
  }
});

test.each(['none', 'conditional-create'] as const)(
  '%s: what the EMR has accepted cannot be looked up, and is not sent again',
  async (capability) => {
    const accepted = { ...posting, unresolvedMs: 5000, acceptedMs: 0 };
    expect(await settleDoubt(adapterWith(capability), accepted)).toMatchObject({ known: 'not_confirmed' });
  },
);
