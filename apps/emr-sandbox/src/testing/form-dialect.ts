import type { Dialect } from '../dialect.ts';

const PREFIX = '/form';
const ERRORS = { error: 'failed', unauthorized: 'invalid_token', throttled: 'throttled' };

/**
 * An invented EMR as unlike FHIR as real ones are: form-encoded bodies, integer ids, a token endpoint, and pages that
 * a cursor leads through. It proves that nothing above `dialects/` needs FHIR.
 */
export const formDialect: Dialect = {
  name: 'form',
  title: 'Form EMR',
  prefix: PREFIX,
  async register(scope, { ledger, practice, credentials }) {
    const issued = new Set<string>();
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string' },
      (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))),
    );
    scope.addHook('onRequest', async (request, reply) => {
      if (credentials.secret() === undefined || request.url === `${PREFIX}/token`) return;
      const [, presented = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
      if (!issued.has(presented)) return reply.code(401).send({ error: ERRORS.unauthorized });
    });

    scope.post<{ Body: Record<string, string> }>('/token', async (request, reply) => {
      if (request.body.client_secret !== credentials.secret())
        return reply.code(400).send({ error: 'invalid_client' });
      const access_token = `token-${issued.size + 1}`;
      issued.add(access_token);
      return { access_token, expires_in: 3600 };
    });
    scope.post<{ Body: Record<string, string> }>('/payments', async (request, reply) => {
      const { externalrefid = '', patient, amount = '', method, note, date = '' } = request.body;
      const owner = practice.patients.byNumber(Number(patient));
      if (owner === undefined) return reply.code(400).send({ patient: ['Unknown patient.'] });
      if (ledger.byKey(externalrefid).length > 0) return reply.code(409).send({ error: 'duplicate' });
      const entry = ledger.add({
        dialect: 'form',
        paymentId: externalrefid,
        otherKeys: [],
        patientId: owner.id,
        amount,
        methodId: practice.methods.byNumber(Number(method))?.id ?? null,
        methodName: null,
        reference: null,
        locationId: null,
        notes: note ?? null,
        depositDate: date,
      });
      await entry.written;
      return reply.code(201).send({ id: Number(entry.id), patient: practice.patients.numberOf(owner.id) });
    });
    scope.get<{ Querystring: { cursor?: string } }>('/payments', async (request) => {
      const from = Number(request.query.cursor ?? 0);
      const page = ledger.entries.slice(from, from + 2);
      const next = from + 2 < ledger.size() ? `${PREFIX}/payments?cursor=${from + 2}` : null;
      return { results: page.map(({ id, posting }) => ({ id: Number(id), amount: posting.amount })), next };
    });
  },
  targetOf: ({ method, path }) => {
    const resource = path.slice(1);
    return { resource, creates: method === 'POST' && resource === 'payments' };
  },
  answerError(error) {
    const detail =
      error.reason === 'throttled' ? `Expected available in ${error.retryAfterSeconds} seconds.` : error.text;
    return {
      status: error.status,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ error: ERRORS[error.reason], detail }),
    };
  },
};
