import { changing, posting, type WrongAdapter } from './wrong-adapter.ts';

/** A look-up takes the changed entry for another payment. */
const DIFFERS = 'posted is found|^look-up after .* found$|^find, wrong content type';
/** The existing entry of these rules differs in one field more. */
const SENT = '^existing entry, .* sent$';

export const wrongFields: readonly WrongAdapter[] = [
  {
    mistake: 'keeps amounts in single precision',
    breaks: /the amount (1234567\.89|9999999999\.99)/,
    wrap: changing(({ amount }) => ({ amount: Math.fround(Number(amount)).toFixed(2) })),
  },
  {
    mistake: 'cuts cents off instead of rounding: 1.15 × 100 is 114.99…',
    breaks: /the amount (1\.15|1234567\.89)/,
    wrap: changing(({ amount }) => ({ amount: (Math.floor(Number(amount) * 100) / 100).toFixed(2) })),
  },
  {
    mistake: 'sends cents where the EMR wants dollars',
    breaks: RegExp(
      `the amount|posted twice is several|${DIFFERS}|^existing entry, another (?!amount).* sent$`,
    ),
    wrap: changing(({ amount }) => ({ amount: (Number(amount) * 100).toFixed(2) })),
  },
  {
    mistake: 'posts every payment to one patient',
    breaks: RegExp(`^fields: the patient|an unknown patient|${DIFFERS}|${SENT}`),
    wrap: changing((_posting, { practice }) => ({ emrPatientId: practice.patientIds[1] })),
  },
  {
    mistake: 'posts every payment with the first method',
    breaks: /every method of|a method that was removed|^method data: (.* is refused by|post sends)/,
    wrap: changing((_posting, { practice }) => ({ method: practice.methods[0].code })),
  },
  {
    mistake: 'posts every payment to the first location',
    breaks: /every location of|a location that was removed/,
    wrap: changing((_posting, { practice }) => ({ location: practice.locations[0].code })),
  },
  {
    mistake: 'drops the notes without declaring it',
    breaks: /^fields: the notes|^fields: one that the adapter says|^text: .*the notes/,
    wrap: changing(() => ({ notes: null })),
  },
  {
    mistake: 'cites no page',
    breaks: /^describe: it cites/,
    wrap: (right) => ({ ...right, describe: () => ({ ...right.describe(), sources: [] }) }),
  },
  {
    mistake: 'writes a note where there is none',
    breaks: /no notes are no notes/,
    wrap: changing(({ notes }) => ({ notes: notes ?? '-' })),
  },
  {
    mistake: 'uses the payment id as the reference number',
    breaks: RegExp(`^fields: the reference number|^text: .*the referenceNumber|without its number|${SENT}`),
    wrap: changing(({ paymentId }) => ({ referenceNumber: paymentId })),
  },
  {
    mistake: 'reads the deposit date as midnight UTC and writes the day in New York',
    breaks: RegExp(`the deposit date|${DIFFERS}|${SENT}`),
    wrap: changing(({ depositDate }) => ({
      depositDate: new Intl.DateTimeFormat('sv-SE', { timeZone: 'America/New_York' }).format(
        new Date(depositDate),
      ),
    })),
  },
  {
    mistake: 'sends Latin-1',
    breaks: /the reference number|accents|emoji as fit|over the limit/,
    wrap: changing(({ notes, referenceNumber }) => ({
      notes: notes?.replace(/[^\p{ASCII}]/gu, '?') ?? null,
      referenceNumber: referenceNumber.replace(/[^\p{ASCII}]/gu, '?'),
    })),
  },
  {
    mistake: 'puts notes on one line',
    breaks: /tabs and line ends/,
    wrap: changing(({ notes }) => ({ notes: notes?.replace(/\s+/g, ' ') ?? null })),
  },
  {
    mistake: 'escapes markup',
    breaks: /quotes, backslashes|the reference number/,
    wrap: changing(({ notes, referenceNumber }) => ({
      notes: notes?.replaceAll('&', '&amp;') ?? null,
      referenceNumber: referenceNumber.replaceAll('&', '&amp;'),
    })),
  },
  {
    mistake: 'cuts text shorter than the vendor does',
    breaks: /as many .* as fit|over the limit/,
    wrap: changing(({ notes, referenceNumber }, { limits }) => ({
      notes: notes?.slice(0, (limits.notes?.length ?? 0) - 9) ?? null,
      referenceNumber: referenceNumber.slice(0, (limits.referenceNumber?.length ?? 0) - 9),
    })),
  },
  {
    mistake: 'cuts notes through the middle of a character',
    breaks: /the notes over the limit/,
    wrap: changing(({ notes }, { limits }) => ({ notes: notes?.slice(0, limits.notes?.length) ?? null })),
  },
  {
    mistake: 'cuts a reference number that the vendor refuses',
    breaks: /the referenceNumber over the limit/,
    wrap: changing(({ referenceNumber }, { limits }) => ({
      referenceNumber: referenceNumber.slice(0, limits.referenceNumber?.length),
    })),
  },
  {
    mistake: 'makes transaction ids up',
    breaks: /the EMR's transaction id|ten sends|^second send after|^post, wrong content type|^ids: /,
    wrap: posting((outcome) =>
      outcome.outcome === 'posted'
        ? { ...outcome, emrTransactionId: `${outcome.emrTransactionId}-1` }
        : outcome,
    ),
  },
];
