import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Capabilities } from '../../capabilities.ts';
import { type Entry, type Ledger, numberInId } from '../../ledger.ts';
import type { Pace } from '../../pace.ts';
import type { Practice } from '../../practice.ts';
import { lastOf, pageOf, type Query, timeOf } from './page.ts';
import { postingOf, rowOf } from './payment-row.ts';
import { DrChronoProblem, NOT_FOUND } from './problem.ts';
import { readPayment } from './read-payment.ts';
import { FIRST_PRACTICE_GROUP } from './tokens.ts';

type Deps = {
  ledger: Ledger;
  practice: Practice;
  capabilities: Capabilities;
  pace: Pace;
  practiceGroupOf(request: FastifyRequest): number;
};
const PATH = '/api/patient_payments';

function integerOf(query: Query, name: string): number | undefined {
  const text = lastOf(query, name);
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new DrChronoProblem(400, { [name]: ['Enter a whole number.'] });
  return Number(text);
}

/** Patient payments: create, read and list. There is no way to change or remove one. */
export async function paymentRoutes(
  app: FastifyInstance,
  { ledger, practice, capabilities, pace, practiceGroupOf }: Deps,
): Promise<void> {
  const groups = new WeakMap<Entry, number>();
  /** A practice sees what its own logins posted; the first one sees what other dialects took, too. */
  const isOf = (request: FastifyRequest) => {
    const group = practiceGroupOf(request);
    return (entry: Entry) => (groups.get(entry) ?? FIRST_PRACTICE_GROUP) === group;
  };

  app.post<{ Body: Record<string, unknown> }>(PATH, async (request, reply) => {
    const rules = { practice, booksClosedBefore: capabilities.current.books_closed_before };
    const isForm = request.headers['content-type']?.includes('x-www-form-urlencoded') === true;
    const fields = readPayment(rules, { body: request.body, isForm });
    const entry = ledger.add(postingOf({ practice }, fields), () => JSON.stringify(fields));
    groups.set(entry, practiceGroupOf(request));
    await entry.written;
    return reply.code(201).send(rowOf({ practice }, entry));
  });

  /** The entries of a patient, or of all, as a list shows them: some time old. */
  function listed(patientId: string | undefined): readonly Entry[] {
    const own =
      patientId === undefined
        ? ledger.entries
        : ledger.entries.filter(({ posting }) => posting.patientId === patientId);
    const until = Date.now() - pace.current.later_ms;
    return own.filter(({ receivedAt }) => Date.parse(receivedAt) <= until);
  }

  app.get<{ Querystring: Query }>(PATH, async (request) => {
    if (!capabilities.current.search) {
      throw new DrChronoProblem(403, {
        detail: 'You do not have permission to perform this action.',
      });
    }
    const { query } = request;
    const patient = integerOf(query, 'patient');
    const doctor = integerOf(query, 'doctor');
    const since = timeOf(query, 'since');
    const day = lastOf(query, 'posted_date');
    // Other parameters are ignored without a word.
    const patientId = patient === undefined ? undefined : (practice.patients.byNumber(patient)?.id ?? '');
    const found = listed(patientId)
      .filter(isOf(request))
      .filter(({ receivedAt }) => since === undefined || Date.parse(receivedAt) >= since);
    await found.at(-1)?.written;
    const rows = found
      .map((entry) => rowOf({ practice }, entry))
      .filter(
        (row) =>
          (doctor === undefined || row.doctor === doctor) && (day === undefined || row.posted_date === day),
      );
    return pageOf(request, rows);
  });

  app.get<{ Params: { id: string } }>(`${PATH}/:id`, async (request) => {
    const { id } = request.params;
    const entry = ledger.byId(id) ?? ledger.entries.find((each) => String(numberInId(each.id)) === id);
    if (entry === undefined || !isOf(request)(entry)) throw new DrChronoProblem(404, NOT_FOUND);
    await entry.written;
    return rowOf({ practice }, entry);
  });

  for (const url of [PATH, `${PATH}/:id`]) {
    app.route({
      method: url === PATH ? ['PUT', 'PATCH', 'DELETE'] : ['POST', 'PUT', 'PATCH', 'DELETE'],
      url,
      handler: async ({ method }) => {
        throw new DrChronoProblem(405, { detail: `Method "${method}" not allowed.` });
      },
    });
  }
}
