import { sentence } from '@emr-payments/contracts';
import type { PostOutcome } from '../../posting.ts';
import type { Trouble } from '../../trouble.ts';
import { posting, type WrongAdapter } from './wrong-adapter.ts';

const asTrouble = ({ reason, ...refused }: Extract<PostOutcome, { outcome: 'refused' }>): Trouble => ({
  ...refused,
  detail: reason,
});

const wordsIn = ({ emrText }: Trouble) => (emrText === undefined ? {} : { emrText });

export const wrongOutcomes: readonly WrongAdapter[] = [
  {
    mistake: 'calls every 5xx not_sent',
    breaks: /^post, HTTP 5/,
    wrap: posting((outcome) =>
      outcome.outcome === 'unknown' && outcome.code === 'emr_error'
        ? { ...outcome, outcome: 'not_sent' }
        : outcome,
    ),
  },
  {
    mistake: 'calls everything without an answer not_sent',
    breaks: /^(?:post, |gateway: ).*: unknown$|a post that is aborted after/,
    wrap: posting((outcome) =>
      outcome.outcome === 'unknown' ? { ...outcome, outcome: 'not_sent' } : outcome,
    ),
  },
  {
    mistake: 'calls a failure refused: the payment would be settled as failed',
    breaks:
      /^post, .*(not_sent|: unknown|not_sent or unknown)$|^gateway: |mayStillSend|a post that is aborted|^credentials: (rejected|.* at the post)|^Retry-After: .* post (become|becomes)/,
    wrap: posting((outcome) =>
      outcome.outcome === 'unknown' || outcome.outcome === 'not_sent'
        ? { outcome: 'refused', code: 'emr_refused', reason: outcome.detail, ...wordsIn(outcome) }
        : outcome,
    ),
  },
  {
    mistake: 'calls what was never sent unknown: an EMR that cannot be asked would need a review each time',
    breaks:
      /^post, .*: not_sent$|^gateway: .*: not_sent$|mayStillSend|aborted already|^credentials: (rejected|.* at the post)/,
    wrap: posting((outcome) =>
      outcome.outcome === 'not_sent' ? { ...outcome, outcome: 'unknown' } : outcome,
    ),
  },
  {
    mistake: 'calls a refusal not_sent: it would be sent until the horizon',
    breaks: /^refusals: |the referenceNumber over the limit|^method data: (.* is refused by|post sends)/,
    wrap: posting((outcome) =>
      outcome.outcome === 'refused' ? { ...asTrouble(outcome), outcome: 'not_sent' } : outcome,
    ),
  },
  {
    mistake: 'believes any answer with 2xx',
    breaks: /^post, (HTML|empty body|HTTP 202)/,
    wrap: posting((outcome) =>
      outcome.outcome === 'accepted' || (outcome.outcome === 'unknown' && outcome.code === 'bad_answer')
        ? { outcome: 'posted', emrTransactionId: '1' }
        : outcome,
    ),
  },
  {
    mistake: 'calls what was accepted for later unknown: it would be sent again',
    breaks: /^post, HTTP 202/,
    wrap: posting((outcome) =>
      outcome.outcome === 'accepted'
        ? { outcome: 'unknown', code: 'bad_answer', detail: outcome.detail }
        : outcome,
    ),
  },
  {
    mistake: 'knows one refusal only',
    breaks: /^refusals: .* makes no entry$|^method data: (.* is refused by|post sends)/,
    wrap: posting((outcome) =>
      outcome.outcome === 'refused' ? { ...outcome, code: 'emr_refused' } : outcome,
    ),
  },
  {
    mistake: 'refuses without a reason',
    breaks: /^refusals: .* a reason|^method data: (.* is refused by|post sends)/,
    wrap: posting((outcome) =>
      outcome.outcome === 'refused' ? { ...outcome, reason: sentence`` } : outcome,
    ),
  },
];
