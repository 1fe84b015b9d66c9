import { foundAs } from '../rule.ts';
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
    breaks:
      /posted is found|^look-up after .* found$|^find, wrong content type|merged into another one since/,
    wrap: finding((outcome) => (outcome.outcome === 'found' ? absentUnproven() : outcome)),
  },
  {
    mistake: 'finds something always',
    breaks: /never sent is absent|like ours|^look-up after .* absent$/,
    wrap: finding((outcome) => (outcome.outcome === 'absent' ? foundAs('1', '1.00') : outcome)),
  },
  {
    mistake: 'takes a payment that was posted twice for one that was posted',
    breaks: /posted twice is several/,
    wrap: finding((outcome) =>
      outcome.outcome === 'several' ? foundAs(outcome.rows[0]?.id, outcome.sum) : outcome,
    ),
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
