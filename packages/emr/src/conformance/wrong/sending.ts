import { type OurSentence, sentence } from '@emr-payments/contracts';
import type { EmrAdapter } from '../../adapter.ts';
import type { Posting, PostOutcome } from '../../posting.ts';
import type { Trouble } from '../../trouble.ts';
import { absentUnproven, type WrongAdapter } from './wrong-adapter.ts';

const BECOMES = /^Retry-After: .*(become|becomes) /;
const forever = () => new AbortController().signal;

/** Changes whatever trouble the three steps report. */
function troubling(change: (trouble: Trouble) => Trouble): WrongAdapter['wrap'] {
  const changed = <T extends object>(outcome: T): T =>
    'detail' in outcome ? ({ ...outcome, ...change(outcome as T & Trouble) } as T) : outcome;
  return (right) => {
    const { find } = right;
    return {
      ...right,
      post: async (posting, options) => changed(await right.post(posting, options)),
      list: async (options) => changed(await right.list(options)),
      ...(find === undefined ? {} : { find: async (hints, options) => changed(await find(hints, options)) }),
    } satisfies EmrAdapter;
  };
}

/** Each call makes its mistakes afresh: some of them remember what they have sent. */
export function wrongSending(): readonly WrongAdapter[] {
  const sent = new Set<string>();
  const tried = new Set<string>();
  return [
    {
      mistake: 'declares another capability than it has',
      breaks: /the capability that it declares/,
      wrap: (right) => ({ ...right, capability: 'lookup' }),
    },
    {
      mistake: 'sends without the key that makes a second send harmless',
      breaks:
        /sent again makes no second entry|ten sends|^second send after (.* after|half an answer|wrong content type):/,
      wrap: (right, { emr }) => ({
        ...right,
        async post(posting, options) {
          if (sent.has(posting.paymentId)) await emr.addDuplicate(posting);
          sent.add(posting.paymentId);
          return right.post(posting, options);
        },
      }),
    },
    {
      mistake: 'sends a payment once and never again',
      breaks:
        /sent again makes no second entry|ten sends|^second send after|mayStillSend|expire after the names/,
      wrap: (right) => ({
        ...right,
        async post(posting, options) {
          if (tried.has(posting.paymentId))
            return { outcome: 'unknown', code: 'timeout', detail: sentence`It was sent before.` };
          tried.add(posting.paymentId);
          return right.post(posting, options);
        },
      }),
    },
    {
      mistake: 'sends again by itself',
      breaks: /one call sends one request/,
      // On a busy machine its second request arrives when the server is mended, and is carried out.
      mayBreak: /^(post, |look-up after |second send after )no answer, before:/,
      wrap: (right) => ({
        ...right,
        async post(posting, options) {
          const first = await right.post(posting, options);
          return first.outcome === 'unknown' && !options.signal.aborted
            ? right.post(posting, options)
            : first;
        },
      }),
    },
    {
      mistake: 'takes two payments of one patient over the same amount for one',
      breaks: /two payments that are alike|^method data: post sends/,
      wrap(right) {
        const known = new Map<string, PostOutcome>();
        const keyOf = ({ emrPatientId, amount, depositDate }: Posting) =>
          [emrPatientId, amount, depositDate].join(' ');
        return {
          ...right,
          async post(posting, options) {
            const outcome = known.get(keyOf(posting)) ?? (await right.post(posting, options));
            if (outcome.outcome === 'posted') known.set(keyOf(posting), outcome);
            return outcome;
          },
        };
      },
    },
    {
      mistake: 'ignores mayStillSend',
      breaks: /mayStillSend/,
      wrap: (right) => ({
        ...right,
        post: (posting, options) => right.post(posting, { ...options, mayStillSend: () => true }),
      }),
    },
    {
      mistake: 'ignores the abort of a post',
      breaks: /a post that is aborted/,
      wrap: (right) => ({
        ...right,
        post: (posting, options) => right.post(posting, { ...options, signal: forever() }),
      }),
    },
    {
      mistake: 'ignores the abort of a read',
      breaks: /a (list or resolve|look-up) that is aborted/,
      wrap: (right) => ({
        ...right,
        list: () => right.list({ signal: forever() }),
        resolve: (names) => right.resolve(names, { signal: forever() }),
        find: async (hints) => (await right.find?.(hints, { signal: forever() })) ?? absentUnproven(),
      }),
    },
    {
      mistake: 'shows the credentials in its sentences',
      breaks: /no answer holds them/,
      wrap: (right, input) =>
        troubling((trouble) => ({
          ...trouble,
          detail: `${trouble.detail} (${Object.values(input.credentials).join()})` as OurSentence,
        }))(right, input),
    },
    {
      mistake: 'ignores Retry-After',
      breaks: BECOMES,
      wrap: troubling((trouble) => ({ ...trouble, retryAfterMs: undefined }) as unknown as Trouble),
    },
    {
      mistake: 'takes the seconds of Retry-After for milliseconds',
      breaks: BECOMES,
      wrap: troubling((trouble) =>
        trouble.retryAfterMs === undefined
          ? trouble
          : { ...trouble, retryAfterMs: trouble.retryAfterMs / 1000 },
      ),
    },
    {
      mistake: 'invents a delay where the EMR names none',
      breaks: /without one carries no delay/,
      wrap: troubling((trouble) => ({ retryAfterMs: 60_000, ...trouble })),
    },
    {
      mistake: 'throws when it does not understand an answer',
      breaks:
        /^(post|list|find), HTML|^(list|find), empty body|^(look-up|second send) after HTML|^absence: an error in place|^words: .* HTTP 200|one call sends one|a read that failed/,
      wrap: troubling((trouble) => {
        if (trouble.code === 'bad_answer') throw new SyntaxError('Unexpected token < in JSON');
        return trouble;
      }),
    },
  ];
}
