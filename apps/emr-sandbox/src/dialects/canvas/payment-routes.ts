import { clip } from '@emr-payments/runtime';
import type { FastifyInstance } from 'fastify';
import type { Capabilities } from '../../capabilities.ts';
import type { Entry, Ledger } from '../../ledger.ts';
import type { Practice } from '../../practice.ts';
import { createBalances } from './balance.ts';
import { CanvasProblem } from './canvas-problem.ts';
import { linksOf, type Query, wholeNumber } from './page.ts';
import { readNotice } from './read-notice.ts';
import { refuseConditions } from './refuse-conditions.ts';

/** The dialect's name in ledger files. */
export const NAME = 'canvas';

type Deps = { ledger: Ledger; practice: Practice; capabilities: Capabilities };
/** `request` is kept and amount; everything else that a sender might say of a payment is not. */
function resourceOf({ id, receivedAt, posting }: Entry): object {
  return {
    resourceType: 'PaymentNotice',
    id,
    status: 'active',
    request: { reference: `Patient/${posting.patientId}`, type: 'Patient' },
    created: receivedAt.replace('Z', '000+00:00'),
    payment: { display: 'Unused' },
    recipient: { display: 'Unused' },
    amount: { value: Number(posting.amount), currency: 'USD' },
    paymentStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/paymentstatus', code: 'paid' }],
    },
  };
}

/** PaymentNotice: create and search, and nothing else (https://docs.canvasmedical.com/api/paymentnotice). */
export async function paymentRoutes(
  app: FastifyInstance,
  { ledger, practice, capabilities }: Deps,
): Promise<void> {
  const balances = createBalances({ ledger, capabilities });

  app.post('/PaymentNotice', async (request, reply) => {
    refuseConditions(request);
    if (Object.keys(request.query as Query).length > 0)
      throw new CanvasProblem(400, 'A create has no parameters');
    const { patientId, amount } = readNotice({ practice }, request.body);
    if (Math.round(amount * 100) > balances.owedBy(patientId))
      throw new CanvasProblem(422, 'The payment is above the balance of the patient.');
    const entry = ledger.add({
      dialect: NAME,
      paymentId: null,
      otherKeys: [],
      patientId,
      amount: String(amount),
      methodId: null,
      methodName: null,
      reference: null,
      locationId: null,
      notes: null,
      depositDate: null,
    });
    await entry.written;
    const location = `${request.protocol}://${request.host}${app.prefix}/PaymentNotice/${entry.id}/_history/1`;
    return reply.code(201).header('location', location).type('application/json').send('null');
  });

  app.get<{ Querystring: Query }>('/PaymentNotice', async (request) => {
    refuseConditions(request);
    const { query } = request;
    const unknown = Object.keys(query).find((name) => !['request', '_count', '_offset'].includes(name));
    if (unknown !== undefined) throw new CanvasProblem(400, `Unknown parameter ${clip(unknown, 40)}`);
    const [, patientId] = /^Patient\/([A-Za-z0-9.-]{1,64})$/.exec(String(query.request ?? '')) ?? [];
    if (patientId === undefined) throw new CanvasProblem(400, 'request must be a reference to a Patient');
    const count = Math.min(Math.max(wholeNumber(query, '_count', 10), 1), 100);
    const offset = wholeNumber(query, '_offset', 0);
    const found = ledger.entries.filter(({ posting }) => posting.patientId === patientId);
    await found.at(-1)?.written;
    const page = found.slice(offset, offset + count);
    return {
      resourceType: 'Bundle',
      type: 'searchset',
      total: found.length,
      link: linksOf('PaymentNotice', query, { count, offset, total: found.length }),
      ...(page.length === 0 ? {} : { entry: page.map((entry) => ({ resource: resourceOf(entry) })) }),
    };
  });

  const notSupported = async () => {
    throw new CanvasProblem(405, 'Operation is not supported');
  };
  app.route({ method: ['PUT', 'PATCH', 'DELETE'], url: '/PaymentNotice', handler: notSupported });
  app.route({
    method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    url: '/PaymentNotice/:id',
    handler: notSupported,
  });
}
