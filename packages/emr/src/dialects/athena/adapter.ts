import type { EmrAdapter } from '../../adapter.ts';
import { limitTexts } from '../../connection/limit-texts.ts';
import type { ConnectionDescription } from '../../description.ts';
import type { Dialect } from '../../dialect.ts';
import { listNames } from '../../names/list-names.ts';
import { checkAthenaConnection } from './check.ts';
import { type AthenaConnection, readPpvConnection, readRecordConnection } from './connection.ts';
import { findPatient } from './find-patient.ts';
import { fetchLists } from './lists.ts';
import { methodFields, methodNeeds } from './method-data.ts';
import { contradiction, readPatientId } from './patient-id.ts';
import { sendPosting } from './send-posting.ts';
import { ppvDescription, recordDescription } from './settings.ts';

/** athena names no time, and no payment is looked up: a person looks at once. */
const CONFIRM_WITHIN_MS = 60_000;

function describe(athena: AthenaConnection, held = athena.bucket?.windows ?? []): ConnectionDescription {
  const { way, cardLast4 } = athena;
  const isPpv = way.kind === 'ppv';
  const ofCards = cardLast4 === 'reference_number' ? ', and its last four digits with a card' : '';
  return {
    fields: {
      payment_id: isPpv
        ? { kept: 'whole', as: 'externalrefid' }
        : { kept: 'dropped', why: 'recordpayment has no place for a key.' },
      patient: { kept: 'whole', as: 'patientid' },
      amount: { kept: 'whole', as: 'otheramount' },
      payment_method: { kept: 'whole', as: 'paymentmethod' },
      reference_number: {
        kept: 'dropped',
        why: `Sent with a check only, as checknumber${ofCards}: with a check it must be the number of the check.`,
      },
      location: { kept: 'whole', as: 'departmentid' },
      notes: { kept: 'dropped' },
      deposit_date: { kept: 'whole', as: isPpv ? way.postDateField : 'postdate' },
    },
    methodNeeds: methodNeeds(athena),
    limits: [
      ...limitTexts(held, 'for the app, over all practices'),
      'a daily quota of the app, until midnight GMT',
    ],
    sources: isPpv
      ? [
          'https://docs.athenahealth.com/api/workflows/patient-pay-vendors',
          'https://docs.athenahealth.com/api/api-ref/patient',
          'https://docs.athenahealth.com/api/resources/api-error-message-reference',
          'https://docs.athenahealth.com/api/guides/best-practices',
        ]
      : [
          'https://docs.athenahealth.com/api/workflows/record-payment',
          'https://docs.athenahealth.com/api/workflows/payment-testing',
          'https://docs.athenahealth.com/api/api-ref/patient',
          'https://docs.athenahealth.com/api/resources/api-error-message-reference',
          'https://docs.athenahealth.com/api/guides/best-practices',
        ],
  };
}

function adapterOf(
  athena: AthenaConnection,
  { capability, settleMs }: Pick<EmrAdapter, 'capability' | 'settleMs'>,
): EmrAdapter {
  return {
    capability,
    place: athena.place,
    bucket: athena.bucket,
    describe: (held) => describe(athena, held),
    settleMs,
    confirmWithinMs: CONFIRM_WITHIN_MS,
    check: (options) => checkAthenaConnection(athena, options),
    ...listNames((options) => fetchLists(athena, options)),
    post: (posting, options) => sendPosting(athena, posting, options),
    // Where MRNs are another system's numbers, one of them may be the id of another patient.
    ...(athena.mrnIsPatientId ? { findPatient: findPatient.bind(null, athena) } : {}),
    methodProblem(payment) {
      const data = methodFields(athena, payment);
      return data.ok ? null : data.reason;
    },
  };
}

/** athenaOne, as a patient pay vendor: a payment's id is checked for duplicates there, and cannot be searched. */
export const athenaPpv: Dialect = {
  description: ppvDescription,
  readPatientId,
  contradiction,
  open(connection, deps) {
    const { athena, settings } = readPpvConnection(connection, deps);
    return adapterOf(athena, { capability: 'conditional-create', settleMs: settings.settle_ms });
  },
};

/** athenaOne by recordpayment, which keeps nothing by which a payment could be recognised. */
export const athenaRecord: Dialect = {
  description: recordDescription,
  readPatientId,
  contradiction,
  open: (connection, deps) =>
    adapterOf(readRecordConnection(connection, deps), { capability: 'none', settleMs: 0 }),
};
