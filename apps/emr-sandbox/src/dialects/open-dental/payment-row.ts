import { type Entry, numberInId } from '../../ledger.ts';
import type { Practice } from '../../practice.ts';
import { paymentTypeNum } from './definitions.ts';
import { officeDate, officeDateTime } from './office-time.ts';
import type { PaymentUpdate } from './read-payment.ts';

export const NAME = 'open-dental';

/** The facts of a payment that this dialect keeps besides the fields that every EMR has. */
export type PaymentDocument = {
  /** The patient who paid: the ledger has the one whose account the money went to. */
  patientId: string;
  BankBranch: string;
  PaymentSource: 'API' | 'None';
};

/** Later changes by PUT: the ledger keeps the payment as it came. */
export type Updates = ReadonlyMap<string, PaymentUpdate>;

/** Each document is read once: a list looks at every entry. */
const read = new WeakMap<Entry, PaymentDocument>();

function documentOf(entry: Entry): PaymentDocument {
  const { posting, document } = entry;
  const known = read.get(entry);
  if (known !== undefined) return known;
  const own: PaymentDocument =
    posting.dialect === NAME && document !== null
      ? JSON.parse(document)
      : { patientId: posting.patientId, BankBranch: '', PaymentSource: 'None' };
  read.set(entry, own);
  return own;
}

export const payerOf = (entry: Entry): string => documentOf(entry).patientId;

/** Builds the object of Payments GET and POST. Amounts and clinics are text, and an amount without cents has no decimals. */
export function rowOf(
  { practice, updates }: { practice: Practice; updates: Updates },
  entry: Entry,
  { serverDateTime }: { serverDateTime: string },
) {
  const { posting } = entry;
  const own = documentOf(entry);
  const update = updates.get(entry.id) ?? {};
  const received = new Date(entry.receivedAt);
  const PayType = update.PayType ?? paymentTypeNum(practice, posting.methodId);
  const clinic = posting.locationId === null ? undefined : practice.locations.numberOf(posting.locationId);
  return {
    PayNum: numberInId(entry.id),
    PayType,
    payType: practice.methods.get(posting.methodId ?? '')?.name ?? '',
    PayDate: posting.depositDate ?? officeDate(received),
    PayAmt: String(Number(posting.amount)),
    CheckNum: update.CheckNum ?? posting.reference ?? '',
    BankBranch: update.BankBranch ?? own.BankBranch,
    PayNote: update.PayNote ?? posting.notes ?? '',
    PatNum: practice.patients.numberOf(own.patientId) ?? 0,
    ClinicNum: String(clinic ?? 0),
    DateEntry: officeDate(received),
    DepositNum: 0,
    Receipt: '',
    IsRecurringCC: 'false',
    SecUserNumEntry: 0,
    SecDateTEdit: officeDateTime(received),
    PaymentSource: own.PaymentSource,
    ProcessStatus: update.ProcessStatus ?? 'OfficeProcessed',
    RecurringChargeDate: '0001-01-01',
    IsCcCompleted: 'false',
    MerchantFee: 0.0,
    serverDateTime,
  };
}
