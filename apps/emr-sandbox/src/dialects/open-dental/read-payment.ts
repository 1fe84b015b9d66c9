import { type Static, type TObject, type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { isDay } from './office-time.ts';
import { badRequest } from './problem.ts';

/** The page writes booleans as text; a JSON boolean is no field of this API. */
const Flag = Type.Optional(Type.Union([Type.Literal('true'), Type.Literal('false')]));
const Num = Type.Integer({ minimum: 0, maximum: 9_007_199_254_740_991 });
/** Columns of 25 characters. What the API does with a longer text is not documented: it is refused here. */
const Short = Type.Optional(Type.String({ maxLength: 25 }));
/** `PayNote` has 4,000 characters (`OpenDentBusiness/TableTypes/Payment.cs`). Longer ones are refused here. */
const Note = Type.Optional(Type.String({ maxLength: 4000 }));

/** The fields of Payments POST (https://www.opendental.com/site/apipayments.html). */
const CreateSchema = Type.Object({
  PayAmt: Type.Union([Type.Number(), Type.String()]),
  PatNum: Num,
  PayType: Type.Optional(Num),
  PayDate: Type.Optional(Type.String()),
  CheckNum: Short,
  PayNote: Note,
  BankBranch: Short,
  ClinicNum: Type.Optional(Type.Union([Num, Type.String({ pattern: '^\\d{1,10}$' })])),
  isPatientPreferred: Flag,
  isPrepayment: Flag,
  isUnallocatedPrepayment: Flag,
  procNums: Type.Optional(Type.Array(Num)),
  payPlanNum: Type.Optional(Num),
});
export type NewPayment = Static<typeof CreateSchema>;

/** The fields of Payments PUT. */
const UpdateSchema = Type.Object({
  PayType: Type.Optional(Num),
  CheckNum: Short,
  BankBranch: Short,
  PayNote: Note,
  ProcessStatus: Type.Optional(Type.Union([Type.Literal('OnlineProcessed'), Type.Literal('OnlinePending')])),
});
export type PaymentUpdate = Static<typeof UpdateSchema>;

const RefundSchema = Type.Object({ PayNum: Num });

/** @throws ApiProblem naming the field that is missing, unknown or invalid. */
function read<T extends TObject>(schema: T, body: unknown): Static<T> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw badRequest('The body must be one JSON object.');
  const unknown = Object.keys(body).find((name) => !(name in schema.properties));
  if (unknown !== undefined) throw badRequest(`${unknown} is not a valid field.`);
  const missing = (schema.required ?? []).find((name) => !(name in body));
  if (missing !== undefined) throw badRequest(`${missing} is required.`);
  for (const [name, property] of Object.entries<TSchema>(schema.properties)) {
    const value = (body as Record<string, unknown>)[name];
    if (value === undefined) continue;
    if (!Value.Check(property, value)) throw badRequest(`${name} is invalid.`);
  }
  return body as Static<T>;
}

/** Digits, with a point and at most two decimals. */
const AMOUNT = /^\d{1,12}(\.\d{1,2})?$/;

export function readNewPayment(
  body: unknown,
  { today, booksClosedBefore }: { today: string; booksClosedBefore: string | null },
): NewPayment & { PayDate: string; amount: string } {
  const payment = read(CreateSchema, body);
  const amount = String(payment.PayAmt);
  // Income transfers (an amount of 0) are not supported; a negative payment is made by Refund.
  if (!AMOUNT.test(amount) || Number(amount) === 0) throw badRequest('PayAmt is invalid.');
  const { PayDate = today } = payment;
  if (!isDay(PayDate)) throw badRequest('PayDate must be in the format yyyy-MM-dd.');
  // The preference that permits future dates is off, as it is by default (https://www.opendental.com/help254/preftable.html).
  if (PayDate > today) throw badRequest('PayDate cannot be in the future.');
  if (booksClosedBefore !== null && PayDate < booksClosedBefore)
    throw badRequest(`PayDate is before the lock date: payments before ${booksClosedBefore} are locked.`);
  return { ...payment, PayDate, amount };
}

export const readUpdate = (body: unknown): PaymentUpdate => read(UpdateSchema, body);
export const readRefund = (body: unknown): number => read(RefundSchema, body).PayNum;
