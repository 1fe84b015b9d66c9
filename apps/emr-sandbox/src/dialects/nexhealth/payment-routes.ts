import type { FastifyInstance } from 'fastify';
import type { Capabilities } from '../../capabilities.ts';
import type { Entry, Ledger } from '../../ledger.ts';
import type { Pace } from '../../pace.ts';
import type { Practice } from '../../practice.ts';
import { requireFinancialData, requireVersion } from './access.ts';
import { NexProblem, success } from './envelope.ts';
import type { Insertions } from './insertions.ts';
import { type Deleted, transactionIdOf } from './payment-body.ts';
import { flag, instant, integer, locationOf, only, page, type Query } from './query.ts';
import { readPayment } from './read-payment.ts';
import type { Switches } from './switches.ts';

type Deps = {
  ledger: Ledger;
  practice: Practice;
  capabilities: Capabilities;
  pace: Pace;
  switches: Switches;
  insertions: Insertions;
  deleted: Deleted;
  show: (entry: Entry) => object;
};

/** GET /payments needs one of these (https://docs.nexhealth.com/v3.1.0/reference/payments). */
const FILTERS = [
  'patient_id',
  'provider_id',
  'guarantor_id',
  'charge_id',
  'claim_id',
  'transaction_id',
  'updated_since',
];
const OTHER_PARAMETERS = ['subdomain', 'location_id', 'include_deleted', 'sort'];

/** Payments: create, which is asynchronous, search and read. Until May 2025 the path was `/payment_transactions`. */
export async function paymentRoutes(app: FastifyInstance, deps: Deps): Promise<void> {
  const { ledger, practice, capabilities, pace, switches, insertions, deleted, show } = deps;

  /** The read cycle comes `later_ms` after the EMR has the payment. */
  const isSeen = ({ receivedAt }: Entry) => Date.parse(receivedAt) + pace.current.later_ms <= Date.now();

  /** Finds the entries that the read cycle has seen. An entry that is not on disk has not been answered for anybody. */
  async function search(query: Query): Promise<Entry[]> {
    const given = FILTERS.filter((name) => only(query, name));
    if (given.length === 0) throw new NexProblem(400, `one of ${FILTERS.join(', ')} is required`);
    const transactionId = only(query, 'transaction_id');
    const patientNumber = integer(query, 'patient_id') ?? integer(query, 'guarantor_id');
    const owner = patientNumber === undefined ? undefined : practice.patients.byNumber(patientNumber);
    const updatedSince = instant(query, 'updated_since');
    const withDeleted = flag(query, 'include_deleted') ?? false;
    const candidates = transactionId ? ledger.byKey(transactionId) : ledger.entries;
    const found = candidates.filter(
      (entry) =>
        isSeen(entry) &&
        (!transactionId || transactionIdOf(entry) === transactionId) &&
        (patientNumber === undefined || entry.posting.patientId === owner?.id) &&
        (updatedSince === undefined ||
          Date.parse(deleted.get(entry.id) ?? entry.receivedAt) >= updatedSince) &&
        (withDeleted || !deleted.has(entry.id)) &&
        // This practice has no providers, charges and claims, so no payment belongs to one.
        !['provider_id', 'charge_id', 'claim_id'].some((name) => integer(query, name) !== undefined),
    );
    await found.at(-1)?.written;
    const order = only(query, 'sort') ?? 'id';
    if (!/^-?(id|updated_at)$/.test(order)) throw new NexProblem(400, 'sort is invalid');
    return order.startsWith('-') ? found.toReversed() : [...found];
  }

  for (const path of ['/payments', '/payment_transactions']) {
    app.post<{ Querystring: Query }>(path, async (request, reply) => {
      requireVersion(request);
      requireFinancialData(switches);
      const { location, number } = locationOf(practice, request.query);
      const { body } = request;
      await insertions.accept(readPayment({ practice }, { body, location: { id: location.id, number } }));
      return reply.code(202).send();
    });

    app.get<{ Querystring: Query }>(path, async (request) => {
      requireVersion(request);
      requireFinancialData(switches);
      locationOf(practice, request.query);
      if (!capabilities.current.search)
        throw new NexProblem(403, "You don't have access to perform this action.");
      const rows = await search(request.query);
      return page(request, { rows, known: [...FILTERS, ...OTHER_PARAMETERS], show });
    });
  }

  app.get<{ Params: { id: string }; Querystring: Query }>('/payments/:id', async (request) => {
    requireVersion(request);
    requireFinancialData(switches);
    if (!only(request.query, 'subdomain')) throw new NexProblem(400, 'subdomain is missing');
    const entry = ledger.byId(request.params.id);
    if (entry === undefined || !isSeen(entry)) throw new NexProblem(404, 'Payment not found');
    await entry.written;
    return success(show(entry));
  });
}
