import { absentUnproven, finding, type WrongAdapter } from './wrong-adapter.ts';

export const wrongLookUps: readonly WrongAdapter[] = [
  {
    mistake: 'takes a look-up that failed for absence: the payment would be sent a second time',
    breaks:
      /^find, (?!wrong content type)|^absence: .*unavailable|a look-up that is aborted|^credentials: (rejected|.* at the look-up)|^Retry-After: .* find (become|becomes)/,
    wrap: finding((outcome) => (outcome.outcome === 'unavailable' ? absentUnproven() : outcome)),
  },
  {
    mistake: 'takes a log-in page or an empty body for an empty result',
    breaks: /^find, (HTML|empty body)|^absence: an error in place/,
    wrap: finding((outcome) =>
      outcome.outcome === 'unavailable' && outcome.code === 'bad_answer' ? absentUnproven() : outcome,
    ),
  },
  {
    mistake: 'finds nothing',
    breaks: /posted is found|the earlier is named|^look-up after .* found$|^find, wrong content type/,
    wrap: finding((outcome) => (outcome.outcome === 'found' ? absentUnproven() : outcome)),
  },
  {
    mistake: 'finds something always',
    breaks: /never sent is absent|like ours|^look-up after .* absent$/,
    wrap: finding((outcome) =>
      outcome.outcome === 'absent' ? { outcome: 'found', emrTransactionId: '1' } : outcome,
    ),
  },
  {
    mistake: 'names the latest of two entries',
    breaks: /the earlier is named/,
    wrap: (right, { emr }) => ({
      ...right,
      async find(hints, options) {
        const outcome = (await right.find?.(hints, options)) ?? absentUnproven();
        const latest = (await emr.entries(hints.paymentId)).at(-1);
        return outcome.outcome === 'found' && latest !== undefined
          ? { outcome: 'found', emrTransactionId: latest.id }
          : outcome;
      },
    }),
  },
  {
    mistake: 'sends the payment that it does not find',
    breaks: /a look-up sends nothing/,
    wrap: (right, { emr: { practice } }) => ({
      ...right,
      async find(hints, options) {
        const outcome = (await right.find?.(hints, options)) ?? absentUnproven();
        if (outcome.outcome !== 'absent') return outcome;
        const method = practice.methods[0].code;
        const location = practice.locations[0].code;
        await right.post(
          { ...hints, referenceNumber: '#1', notes: null, method, location },
          { ...options, mayStillSend: () => true },
        );
        return outcome;
      },
    }),
  },
];
