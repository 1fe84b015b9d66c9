import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Capabilities } from '../../capabilities.ts';
import { baseUrl, only, type Query, refuseUnknown, searchset } from '../../fhir/bundle.ts';
import { tokenValue } from '../../fhir/identifiers.ts';
import { FhirProblem } from '../../fhir/operation-outcome.ts';
import type { Entry, Ledger } from '../../ledger.ts';
import type { Practice } from '../../practice.ts';
import { hasIdentifier, postingOf, resourceText, textOf } from './posting-resource.ts';
import { readPosting } from './read-posting.ts';

type Deps = { ledger: Ledger; practice: Practice; capabilities: Capabilities };

/** Reads the token of `If-None-Exist: identifier=…`. The header is a search query, so percent-escapes are decoded. */
function conditionOf(request: FastifyRequest): string | undefined {
  const header = request.headers['if-none-exist'];
  if (header === undefined) return undefined;
  const query = [...new URLSearchParams(String(header).replace(/^\?/, ''))];
  const [name, token] = query[0] ?? [];
  if (query.length !== 1 || name !== 'identifier' || !token) {
    throw new FhirProblem(
      400,
      'not-supported',
      'If-None-Exist takes identifier=system|value and nothing else.',
    );
  }
  return token;
}

function answerWith(entry: Entry, status: 200 | 201, request: FastifyRequest, reply: FastifyReply) {
  const location = `${baseUrl(request)}/PaymentReconciliation/${entry.id}/_history/1`;
  reply
    .code(status)
    .headers({ location, etag: 'W/"1"', 'last-modified': new Date(entry.receivedAt).toUTCString() });
  return /return=minimal/.test(String(request.headers.prefer ?? ''))
    ? reply.send()
    : reply.send(textOf(entry));
}

const PREFIXES: Record<string, (updated: number, given: number) => boolean> = {
  ge: (updated, given) => updated >= given,
  gt: (updated, given) => updated > given,
  le: (updated, given) => updated <= given,
  lt: (updated, given) => updated < given,
};

function updatedWithin(entries: readonly Entry[], text: string | undefined): readonly Entry[] {
  if (text === undefined) return entries;
  const given = Date.parse(text.slice(2));
  const keeps = PREFIXES[text.slice(0, 2)];
  if (keeps === undefined || Number.isNaN(given)) {
    throw new FhirProblem(400, 'value', '_lastUpdated takes ge, gt, le or lt and a dateTime.');
  }
  return entries.filter((entry) => keeps(Date.parse(entry.receivedAt), given));
}

/** The entries with an identifier that the token names, oldest first. */
function withIdentifier(ledger: Ledger, token: string): readonly Entry[] {
  return ledger.byKey(tokenValue(token)).filter((entry) => hasIdentifier(entry, token));
}

/** PaymentReconciliation: create, conditional create, read and search. */
export async function paymentRoutes(
  app: FastifyInstance,
  { ledger, practice, capabilities }: Deps,
): Promise<void> {
  app.post('/PaymentReconciliation', async (request, reply) => {
    const condition = capabilities.current.conditional_create ? conditionOf(request) : undefined;
    // Nothing waits between here and `ledger.add`, so two creates with the same key cannot both find nothing.
    const existing = condition === undefined ? [] : withIdentifier(ledger, condition);
    if (existing.length > 1) {
      throw new FhirProblem(412, 'multiple-matches', 'Several postings match If-None-Exist.');
    }
    const [match] = existing;
    if (match !== undefined) {
      await match.written;
      return answerWith(match, 200, request, reply);
    }
    const rules = { practice, booksClosedBefore: capabilities.current.books_closed_before };
    const resource = readPosting(rules, request.body);
    const entry = ledger.add(postingOf(resource), (stamp) => resourceText(resource, stamp));
    await entry.written;
    return answerWith(entry, 201, request, reply);
  });

  app.get<{ Params: { id: string } }>('/PaymentReconciliation/:id', async (request, reply) => {
    const entry = ledger.byId(request.params.id);
    if (entry === undefined)
      throw new FhirProblem(404, 'not-found', 'There is no such PaymentReconciliation.');
    await entry.written;
    return reply.header('etag', 'W/"1"').send(textOf(entry));
  });

  app.get<{ Querystring: Query }>('/PaymentReconciliation', async (request, reply) => {
    if (!capabilities.current.search) {
      throw new FhirProblem(400, 'not-supported', 'PaymentReconciliation cannot be searched here.');
    }
    refuseUnknown(request.query, ['identifier', '_lastUpdated', '_count', '_offset']);
    const token = only(request.query, 'identifier');
    const candidates = token === undefined ? ledger.entries.slice() : withIdentifier(ledger, token);
    const found = updatedWithin(candidates, only(request.query, '_lastUpdated'));
    await found.at(-1)?.written;
    return reply.send(searchset(request, { type: 'PaymentReconciliation', found, json: textOf }));
  });
}
