import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Capabilities } from '../../capabilities.ts';
import type { Entry, Ledger, Posting } from '../../ledger.ts';
import type { Pace } from '../../pace.ts';
import type { Practice } from '../../practice.ts';
import { cleanNote, paymentIdIn } from './clean-note.ts';
import { paymentType, paymentTypeNum } from './definitions.ts';
import { officeDate, officeDateTime } from './office-time.ts';
import type { PatientRecords } from './patient-records.ts';
import { NAME, type PaymentDocument, payerOf, rowOf } from './payment-row.ts';
import { ApiProblem, badRequest } from './problem.ts';
import { day, pageOf, type Query, wholeNumber } from './query.ts';
import {
  type NewPayment,
  type PaymentUpdate,
  readNewPayment,
  readRefund,
  readUpdate,
} from './read-payment.ts';

type Deps = {
  ledger: Ledger;
  practice: Practice;
  patients: PatientRecords;
  capabilities: Capabilities;
  pace: Pace;
};

/**
 * The member of the family whose charges are the oldest. Here two patients whose numbers follow each other (1 and 2, 3 and 4) are a
 * family, and the oldest charge is always the other one's.
 */
function oldestChargeOf(practice: Practice, patientId: string): string {
  const number = practice.patients.numberOf(patientId) as number;
  const other = practice.patients.byNumber(number % 2 === 1 ? number + 1 : number - 1);
  return other?.id ?? patientId;
}

/** Money goes to the oldest charges of the whole family, unless the sender prefers the patient or prepays. */
function paidTo(practice: Practice, payment: NewPayment, patientId: string): string {
  const stays = [payment.isPatientPreferred, payment.isPrepayment, payment.isUnallocatedPrepayment];
  return stays.includes('true') ? patientId : oldestChargeOf(practice, patientId);
}

function clinicOf(practice: Practice, ClinicNum: NewPayment['ClinicNum']): string | null {
  // Without the field it is the patient's clinic, and the patients here have none.
  const number = Number(ClinicNum ?? 0);
  if (number === 0) return null;
  const clinic = practice.locations.byNumber(number);
  if (clinic === undefined) throw badRequest('ClinicNum is invalid.');
  return clinic.id;
}

function methodOf(practice: Practice, PayType: number | undefined): string | null {
  // Without the field it is the type of the preference ApiPaymentType: here the first one.
  if (PayType === undefined) return practice.methods.all()[0]?.id ?? null;
  const type = paymentType(practice, PayType);
  if (type === undefined) throw badRequest('PayType is invalid.');
  return type.id;
}

/** Payments: GET, POST, PUT and POST Refund (https://www.opendental.com/site/apipayments.html). */
export async function paymentRoutes(
  app: FastifyInstance,
  { ledger, practice, patients, capabilities, pace }: Deps,
): Promise<void> {
  const updates = new Map<string, PaymentUpdate>();

  async function created(reply: FastifyReply, posting: Posting, document: PaymentDocument) {
    const entry = ledger.add(posting, () => JSON.stringify(document));
    await entry.written;
    const row = rowOf({ practice, updates }, entry, { serverDateTime: '' });
    return reply.code(201).header('location', `${app.prefix}/api/v1/payments/${entry.id}`).send(row);
  }

  function payment(payNum: string): Entry {
    const entry = ledger.byId(payNum);
    if (entry === undefined) throw new ApiProblem(404, 'Payment not found.');
    return entry;
  }

  app.post('/api/v1/payments', async (request, reply) => {
    const booksClosedBefore = capabilities.current.books_closed_before;
    const given = readNewPayment(request.body, { today: officeDate(new Date()), booksClosedBefore });
    const patient = practice.patients.recordByNumber(given.PatNum);
    if (patient === undefined) throw new ApiProblem(404, 'Patient not found.');
    // "A deleted patient, and their associated resources, are not allowed to be modified in any way via the API."
    if (patients.byPatNum(given.PatNum)?.PatStatus === 'Deleted')
      throw badRequest('The patient is deleted and cannot be modified.');
    if ((given.payPlanNum ?? 0) !== 0) throw new ApiProblem(404, 'PayPlan not found.');
    const note = cleanNote(given.PayNote ?? '');
    return created(
      reply,
      {
        dialect: NAME,
        paymentId: paymentIdIn(note),
        otherKeys: [],
        patientId: paidTo(practice, given, patient.id),
        amount: given.amount,
        methodId: methodOf(practice, given.PayType),
        methodName: null,
        reference: given.CheckNum || null,
        locationId: clinicOf(practice, given.ClinicNum),
        notes: note || null,
        depositDate: given.PayDate,
      },
      { patientId: patient.id, BankBranch: given.BankBranch ?? '', PaymentSource: 'API' },
    );
  });

  // The note is copied, and with it a sender's marker.
  app.post('/api/v1/payments/Refund', async (request, reply) => {
    const entry = payment(String(readRefund(request.body)));
    if (entry.posting.amount.startsWith('-'))
      throw badRequest('A payment with negative paysplits cannot be refunded.');
    return created(
      reply,
      {
        ...entry.posting,
        dialect: NAME,
        amount: `-${entry.posting.amount}`,
        depositDate: officeDate(new Date()),
      },
      { patientId: payerOf(entry), BankBranch: '', PaymentSource: 'None' },
    );
  });

  app.put<{ Params: { payNum: string } }>('/api/v1/payments/:payNum', async (request) => {
    const entry = payment(request.params.payNum);
    const { PayNote, ...update } = readUpdate(request.body);
    if (update.PayType !== undefined) methodOf(practice, update.PayType);
    const note = PayNote === undefined ? {} : { PayNote: cleanNote(PayNote) };
    updates.set(entry.id, { ...updates.get(entry.id), ...update, ...note });
    return rowOf({ practice, updates }, entry, { serverDateTime: '' });
  });

  app.get<{ Querystring: Query }>('/api/v1/payments', async ({ query }) => {
    if (!capabilities.current.search) throw new ApiProblem(403, 'This key may not read payments.');
    const patNum = wholeNumber(query, 'PatNum');
    const since = day(query, 'DateEntry');
    const payType = wholeNumber(query, 'PayType');
    const patient = patNum === undefined ? undefined : practice.patients.recordByNumber(patNum);
    if (patNum !== undefined && patient === undefined) throw new ApiProblem(404, 'Patient not found.');
    const shown = Date.now() - pace.current.later_ms;
    const found = ledger.entries.filter(
      (entry) =>
        Date.parse(entry.receivedAt) <= shown &&
        (patient === undefined || payerOf(entry) === patient.id) &&
        (since === undefined || officeDate(new Date(entry.receivedAt)) >= since) &&
        (payType === undefined || paymentTypeNum(practice, entry.posting.methodId) === payType),
    );
    const page = pageOf(query, found);
    await page.at(-1)?.written;
    const serverDateTime = officeDateTime(new Date());
    return page.map((entry) => rowOf({ practice, updates }, entry, { serverDateTime }));
  });
}
