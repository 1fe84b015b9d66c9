import type { FastifyInstance } from 'fastify';
import type { Capabilities } from '../../capabilities.ts';
import type { Entry, Ledger } from '../../ledger.ts';
import type { Practice } from '../../practice.ts';
import { AthenaError } from './athena-error.ts';
import type { DuplicateAnswer } from './duplicate-answer.ts';
import { formOf } from './form-body.ts';
import { kindOf, recordableMethod, vendorMethods } from './method-kinds.ts';
import { type Call, type Payment, readPayment } from './read-payment.ts';

type Deps = {
  ledger: Ledger;
  practice: Practice;
  capabilities: Capabilities;
  duplicateAnswer: DuplicateAnswer;
};

/** Parameters of https://docs.athenahealth.com/api/workflows/patient-pay-vendors as the vendor's specification has them. */
const VENDOR_PAYMENT: Call = {
  further: ['bankdepositdate', 'externalrefid', 'movetounappliedifoverpay', 'patientid', 'vendorterminalid'],
  required: ['departmentid', 'externalrefid', 'patientid', 'paymentmethod'],
  methodOf: (practice, id) => vendorMethods(practice).find((method) => method.id === id),
  cardNeeds: ['cardnumberlast4', 'vendorterminalid'],
};
/** https://docs.athenahealth.com/api/workflows/record-payment */
const RECORD_PAYMENT: Call = {
  further: [],
  required: ['departmentid', 'paymentmethod'],
  methodOf: recordableMethod,
  cardNeeds: ['cardnumberlast4'],
};

const LONGEST_REF = 32;
/** A payment id of emr-payments. Another external reference is kept in the document only. */
const PAYMENT_ID = /^[0-9a-f]{32}$/;

function addEntry(
  { ledger }: Pick<Deps, 'ledger'>,
  { payment, vendor }: { payment: Payment; vendor: { code: string; ref: string; key: string } | null },
): Entry {
  const { form, patientId, locationId, method, amount, postDate } = payment;
  return ledger.add(
    {
      dialect: 'athena',
      paymentId: vendor !== null && PAYMENT_ID.test(vendor.ref) ? vendor.ref : null,
      otherKeys: vendor === null ? [] : [vendor.key],
      patientId,
      amount,
      methodId: method.id,
      methodName: null,
      // Only a check has a number.
      reference: kindOf(method) === 'check' ? (form.checknumber ?? null) : null,
      locationId,
      notes: null,
      depositDate: postDate,
    },
    ({ id }) => JSON.stringify({ patientpaymentid: id, vendorcode: vendor?.code ?? null, ...form }),
  );
}

/** The two calls that record a payment. Neither has a counterpart that reads it by its key. */
export function paymentRoutes(scope: FastifyInstance, deps: Deps): void {
  const { ledger, practice, capabilities, duplicateAnswer } = deps;
  const read = (form: ReturnType<typeof formOf>, patientId: string | undefined, call: Call) =>
    readPayment(
      { practice, booksClosedBefore: capabilities.current.books_closed_before },
      { form, patientId, call },
    );

  scope.post<{ Params: { vendorcode: string } }>(
    '/v1/:practiceid/patientpayvendors/:vendorcode/payments',
    async (request) => {
      const form = formOf(request);
      const payment = read(form, form.patientid, VENDOR_PAYMENT);
      const ref = form.externalrefid ?? '';
      if (ref.length > LONGEST_REF)
        throw new AthenaError(400, 'The data provided is invalid.', 'externalrefid is at most 32 long.');
      const code = request.params.vendorcode;
      // "Expected to be unique for a vendor as it is the one used for checking if a particular payment is duplicate of another."
      const key = `athena ${code} ${ref}`;
      if (ledger.byKey(key).length > 0) {
        const { status, error } = duplicateAnswer.current;
        throw new AthenaError(status, error);
      }
      const entry = addEntry({ ledger }, { payment, vendor: { code, ref, key } });
      await entry.written;
      return { patientpaymentid: entry.id };
    },
  );
  scope.post<{ Params: { patientid: string } }>(
    '/v1/:practiceid/patients/:patientid/recordpayment',
    async (request) => {
      const payment = read(formOf(request), request.params.patientid, RECORD_PAYMENT);
      const entry = addEntry({ ledger }, { payment, vendor: null });
      await entry.written;
      // The answer is not documented. An SDK reads a status from it (HTD-Health/athenahealth-sdk-dotnet, `RecordPayment`).
      return { success: 'true' };
    },
  );
}
