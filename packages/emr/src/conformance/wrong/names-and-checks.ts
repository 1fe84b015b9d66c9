import { sentence } from '@emr-payments/contracts';
import { checking, listing, resolving, type WrongAdapter } from './wrong-adapter.ts';

const NONE = { methods: [], locations: [] };
const WORKS = {
  ok: true,
  methods: 0,
  locations: 0,
  unusable: [],
  settings: {},
  statement: {},
  remarks: [],
} as const;

export const wrongNamesAndChecks: readonly WrongAdapter[] = [
  {
    mistake: 'takes a list that could not be read for an empty one',
    breaks:
      /^list, (?!wrong content type)|a list or resolve that is aborted|^credentials: rejected|^Retry-After: .* list (become|becomes)/,
    wrap: listing((outcome) => (outcome.outcome === 'not_sent' ? { outcome: 'listed', ...NONE } : outcome)),
  },
  {
    mistake: 'lists nothing',
    breaks:
      /^list, |names: list|a list or resolve that is aborted|counts what it lists|^credentials: rejected|^Retry-After: .* list (become|becomes)/,
    wrap: listing(() => ({ outcome: 'listed', ...NONE })),
  },
  {
    mistake: 'lists the first method only',
    breaks: /names: list|counts what it lists/,
    wrap: listing((outcome) =>
      outcome.outcome === 'listed' ? { ...outcome, methods: outcome.methods.slice(0, 1) } : outcome,
    ),
  },
  {
    mistake: 'reads a list again when that failed',
    breaks: /a read that failed is not repeated/,
    wrap: (right) => ({
      ...right,
      async list(options) {
        const first = await right.list(options);
        return first.outcome === 'not_sent' && !options.signal.aborted ? right.list(options) : first;
      },
    }),
  },
  {
    mistake: 'takes a name that could not be looked up for an unknown one',
    breaks: /^resolve, (?!wrong content type)|a list or resolve that is aborted/,
    wrap: resolving((outcome) =>
      outcome.outcome === 'not_sent'
        ? { outcome: 'refused', code: 'unknown_payment_method', reason: outcome.detail }
        : outcome,
    ),
  },
  {
    mistake: 'takes a name only letter by letter',
    breaks: /the names that people give|^resolve, wrong content type|expire after the names/,
    wrap: resolving((outcome, { paymentMethod }) =>
      outcome.outcome === 'resolved' && outcome.method.name !== paymentMethod
        ? { outcome: 'refused', code: 'unknown_payment_method', reason: sentence`There is no such method.` }
        : outcome,
    ),
  },
  {
    mistake: 'takes some method or location when it does not know the name',
    breaks: /an unknown (method|location) is refused|a method that no reference number helps/,
    wrap: (right, input) => {
      const { methods, locations } = input.emr.practice;
      return resolving((outcome) =>
        outcome.outcome === 'refused'
          ? { outcome: 'resolved', method: methods[0].code, location: locations[0].code }
          : outcome,
      )(right, input);
    },
  },
  {
    mistake: 'says that every connection works',
    breaks: /^check, (?!.*: the settings that it makes$)|^credentials: rejected/,
    wrap: (right) => ({
      ...right,
      async check(options) {
        const result = await right.check(options);
        return result.ok ? result : WORKS;
      },
    }),
  },
  {
    mistake: 'says that there is no list where the EMR has one',
    breaks: /^check: counts the names of a list|counts what it lists/,
    wrap: checking((result) => (result.ok ? { ...result, methods: null } : result)),
  },
  {
    mistake: 'says that a connection does not work, and not why',
    breaks: /^check, .*: a reason with the request$|^check, a refusal/,
    wrap: checking((result) => (result.ok ? result : { ...result, reason: 'It does not work.' })),
  },
  {
    mistake: 'believes its settings and not what the EMR says about itself',
    breaks: /^check, .*: the settings that it makes$/,
    wrap: checking((result) => (result.ok ? { ...result, settings: {} } : result)),
  },
  {
    mistake: 'checks a connection by posting to it',
    breaks: /^stopping: a check/,
    wrap: (right, { emr: { practice } }) => ({
      ...right,
      async check(options) {
        await right.post(
          {
            paymentId: crypto.randomUUID().replaceAll('-', ''),
            emrPatientId: practice.patientIds[0],
            amount: '0.01',
            referenceNumber: 'test',
            notes: null,
            depositDate: '2026-06-15',
            method: practice.methods[0].code,
            location: practice.locations[0].code,
          },
          { ...options, mayStillSend: () => true },
        );
        return right.check(options);
      },
    }),
  },
];
