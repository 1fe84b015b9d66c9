import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Capabilities } from '../../capabilities.ts';
import { baseUrl, type Query, searchset } from '../../fhir/bundle.ts';
import { tokenValue } from '../../fhir/identifiers.ts';
import { FhirProblem } from '../../fhir/operation-outcome.ts';
import type { Entry, Ledger } from '../../ledger.ts';
import type { Practice } from '../../practice.ts';
import { readPaymentNotice } from './payment-notice.ts';
import { noticeOf, postingOf, resourceText, type Voids } from './posting-resource.ts';
import { readPosting } from './read-posting.ts';
import { meets, readCriteria, type SearchName } from './search.ts';

type Deps = { ledger: Ledger; practice: Practice; capabilities: Capabilities };
type Criteria = [SearchName, string][];

/** Reads `If-None-Exist: identifier=…`, which `request=` may narrow. The header is a search, so percent-escapes are decoded. */
function conditionOf(request: FastifyRequest): Criteria | undefined {
  const header = request.headers['if-none-exist'];
  if (header === undefined) return undefined;
  const parameters = [...new URLSearchParams(String(header).replace(/^\?/, ''))];
  const criteria = readCriteria(Object.fromEntries(parameters));
  const names = criteria.map(([name]) => name);
  const good =
    criteria.length === parameters.length &&
    names.includes('identifier') &&
    names.every((name) => name === 'identifier' || name === 'request');
  if (!good) {
    throw new FhirProblem(
      400,
      'not-supported',
      'If-None-Exist takes identifier=system|value, with request=Patient/id if wanted, and nothing else.',
    );
  }
  return criteria;
}

/** PaymentNotice: create, conditional create, read, search, and the PUT that voids. */
export async function paymentRoutes(
  app: FastifyInstance,
  { ledger, practice, capabilities }: Deps,
): Promise<void> {
  // Kept in memory: the ledger is a record of what came in, and voiding is here only to be seen by who looks.
  const voids: Voids = new Map();
  const read = (entry: Entry) => noticeOf({ voids }, entry);

  function select(criteria: Criteria): Entry[] {
    const token = criteria.find(([name, text]) => name === 'identifier' && !text.includes(','))?.[1];
    const candidates = token === undefined ? ledger.entries : ledger.byKey(tokenValue(token));
    if (criteria.length === 0) return candidates.slice();
    return candidates.filter((entry) => meets({ notice: read(entry), entry }, criteria));
  }

  function answerWith(entry: Entry, status: 200 | 201, request: FastifyRequest, reply: FastifyReply) {
    const version = voids.has(entry.id) ? 2 : 1;
    reply.code(status).headers({
      location: `${baseUrl(request)}/PaymentNotice/${entry.id}/_history/${version}`,
      etag: `W/"${version}"`,
      'last-modified': new Date(entry.receivedAt).toUTCString(),
    });
    return /return=minimal/.test(String(request.headers.prefer ?? ''))
      ? reply.send()
      : reply.send(JSON.stringify(read(entry)));
  }

  function known(id: string): Entry {
    const entry = ledger.byId(id);
    if (entry === undefined) throw new FhirProblem(404, 'not-found', 'There is no such PaymentNotice.');
    return entry;
  }

  app.post('/PaymentNotice', async (request, reply) => {
    const condition = capabilities.current.conditional_create ? conditionOf(request) : undefined;
    const rules = { practice, booksClosedBefore: capabilities.current.books_closed_before };
    // Nothing waits between here and `ledger.add`, so two creates with the same key cannot both find nothing.
    const [match, ...others] = condition === undefined ? [] : select(condition);
    if (others.length > 0)
      throw new FhirProblem(412, 'multiple-matches', 'Several postings match If-None-Exist.');
    if (match !== undefined) {
      await match.written;
      return answerWith(match, 200, request, reply);
    }
    const notice = readPosting(rules, request.body);
    const entry = ledger.add(postingOf({ practice }, notice), (stamp) => resourceText(notice, stamp));
    await entry.written;
    return answerWith(entry, 201, request, reply);
  });

  app.put<{ Params: { id: string } }>('/PaymentNotice/:id', async (request, reply) => {
    const entry = known(request.params.id);
    const { status } = readPaymentNotice(request.body);
    if (status !== 'cancelled' && status !== 'entered-in-error')
      throw new FhirProblem(422, 'business-rule', 'A payment can only be voided.', 'PaymentNotice.status');
    voids.set(entry.id, { status, at: new Date().toISOString() });
    return answerWith(entry, 200, request, reply);
  });

  app.get<{ Params: { id: string } }>('/PaymentNotice/:id', async (request, reply) => {
    const entry = known(request.params.id);
    await entry.written;
    return reply.header('etag', `W/"${voids.has(entry.id) ? 2 : 1}"`).send(JSON.stringify(read(entry)));
  });

  app.get<{ Querystring: Query }>('/PaymentNotice', async (request, reply) => {
    if (!capabilities.current.search)
      throw new FhirProblem(400, 'not-supported', 'PaymentNotice cannot be searched here.');
    const found = select(readCriteria(request.query, ['_count', '_offset']));
    await found.at(-1)?.written;
    const json = (entry: Entry) => JSON.stringify(read(entry));
    return reply.send(searchset(request, { type: 'PaymentNotice', found, json }));
  });
}
