import type { FastifyInstance } from 'fastify';
import type { Capabilities } from '../../capabilities.ts';
import type { Entry, Ledger } from '../../ledger.ts';
import type { Practice } from '../../practice.ts';
import { listPayments, type Query } from './list-payments.ts';
import { type PatientPayment, paymentOf, paymentText, postingOf } from './payment.ts';
import { notFound, unprocessable } from './problem.ts';
import { readAs, readCreate } from './read-create.ts';
import { type Update, UpdateSchema } from './schemas.ts';

type Deps = { ledger: Ledger; practice: Practice; capabilities: Capabilities };
const PATH = '/api/patient-payments/v4';

function changed(payment: PatientPayment, update: Update): PatientPayment {
  const { payment_note: note, invoice, payment_timestamp } = update;
  const next = { ...payment, ...(payment_timestamp === undefined ? {} : { payment_timestamp }) };
  if (note?.type === 'set') next.payment_note = note.value;
  if (note?.type === 'remove') delete next.payment_note;
  if (invoice?.type === 'set') next.invoice = invoice.value;
  if (invoice?.type === 'remove') delete next.invoice;
  return next;
}

/**
 * Patient payments: create, read, list, change and void. `source_internal_id` is not unique: a second create with the same one makes a
 * second payment. The ledger keeps what was created; changes and voids are in memory.
 */
export async function paymentRoutes(
  app: FastifyInstance,
  { ledger, practice, capabilities }: Deps,
): Promise<void> {
  const updated = new Map<string, PatientPayment>();
  const voided = new Set<string>();

  const shown = (entry: Entry): PatientPayment[] => {
    const payment = paymentOf(entry);
    const id = payment.patient_payment_id;
    return voided.has(id) ? [] : [updated.get(id) ?? payment];
  };
  async function existing(id: string): Promise<PatientPayment> {
    const entry = ledger.byId(id) ?? ledger.entries.find((each) => paymentOf(each).patient_payment_id === id);
    const [payment] = entry === undefined ? [] : shown(entry);
    if (entry === undefined || payment === undefined) throw notFound(id);
    await entry.written;
    return payment;
  }

  app.post(PATH, async (request, reply) => {
    const rules = { practice, booksClosedBefore: capabilities.current.books_closed_before };
    const create = readCreate(rules, request.body);
    const entry = ledger.add(postingOf(create), (stamp) => paymentText(create, stamp));
    await entry.written;
    return reply.send(paymentOf(entry));
  });

  app.get<{ Querystring: Query }>(PATH, async (request) => {
    if (!capabilities.current.search) throw unprocessable('Payments cannot be searched here.');
    const source = request.query.source_internal_id;
    const entries = typeof source === 'string' ? ledger.byKey(source) : ledger.entries.slice();
    await entries.at(-1)?.written;
    return listPayments(entries.flatMap(shown), request.query);
  });

  app.get<{ Params: { id: string } }>(`${PATH}/:id`, async ({ params: { id } }) => existing(id));

  app.patch<{ Params: { id: string } }>(`${PATH}/:id`, async ({ params: { id }, body }) => {
    const payment = changed(await existing(id), readAs(UpdateSchema, body));
    updated.set(id, payment);
    return payment;
  });

  app.delete<{ Params: { id: string } }>(`${PATH}/:id`, async ({ params: { id } }, reply) => {
    await existing(id);
    voided.add(id);
    return reply.code(200).send();
  });
}
