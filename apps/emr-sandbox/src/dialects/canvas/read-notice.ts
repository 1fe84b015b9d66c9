import { clip } from '@emr-payments/runtime';
import type { Practice } from '../../practice.ts';
import { CanvasProblem } from './canvas-problem.ts';

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isEmptyObject = (value: unknown) => isObject(value) && Object.keys(value).length === 0;

/** https://docs.canvasmedical.com/api/paymentnotice: what the example of a create sends. */
const ELEMENTS = ['resourceType', 'status', 'request', 'created', 'payment', 'recipient', 'amount'];
const DATE_TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2}))?$/;

const refuse = (text: string) => new CanvasProblem(400, text);

function checkForm(body: Json): void {
  const unknown = Object.keys(body).find((name) => !ELEMENTS.includes(name));
  if (unknown !== undefined) throw refuse(`${clip(unknown, 40)}: extra fields not permitted`);
  const missing = ELEMENTS.find((name) => body[name] === undefined || body[name] === null);
  if (missing !== undefined) throw refuse(`${missing}: field required`);
  if (body.resourceType !== 'PaymentNotice') throw refuse('resourceType must be PaymentNotice');
  if (body.status !== 'active') throw refuse('status must be active');
  for (const unused of ['payment', 'recipient']) {
    if (!isEmptyObject(body[unused])) throw refuse(`${unused} must be an empty object`);
  }
  const { created } = body;
  if (typeof created !== 'string' || !DATE_TIME.test(created) || Number.isNaN(Date.parse(created)))
    throw refuse('created must be a datetime');
}

function amountOf({ amount }: Json): number {
  if (!isObject(amount) || Object.keys(amount).some((name) => name !== 'value' && name !== 'currency'))
    throw refuse('amount must have a value and a currency');
  const { value, currency } = amount;
  // Any currency is taken as USD without a word: "USD will be used regardless of what is provided".
  if (typeof currency !== 'string') throw refuse('amount.currency must be a code');
  if (typeof value !== 'number') throw refuse('amount.value must be a decimal');
  if (!(value > 0) || Math.abs(value * 100 - Math.round(value * 100)) > 1e-3)
    throw new CanvasProblem(422, 'The amount must be positive, with at most two decimals.');
  return value;
}

function patientOf({ request }: Json, practice: Practice): string {
  const reference = isObject(request) && Object.keys(request).length === 1 ? request.reference : undefined;
  const text = typeof reference === 'string' ? reference : '';
  const [, id] = /^Patient\/([A-Za-z0-9.-]{1,64})$/.exec(text) ?? [];
  if (id === undefined) throw refuse('request must be a reference to a Patient');
  if (practice.patients.get(id) === undefined)
    throw new CanvasProblem(422, `Unknown Patient resource '${id}'`);
  return id;
}

/**
 * Reads the body of a create: exactly Canvas's own shape, in which `payment` and `recipient` are empty objects.
 *
 * @throws CanvasProblem: 400 for the form, 422 for what the practice does not permit.
 */
export function readNotice(
  { practice }: { practice: Practice },
  body: unknown,
): { patientId: string; amount: number } {
  if (!isObject(body)) throw refuse('The body must be a PaymentNotice');
  checkForm(body);
  const amount = amountOf(body);
  return { patientId: patientOf(body, practice), amount };
}
