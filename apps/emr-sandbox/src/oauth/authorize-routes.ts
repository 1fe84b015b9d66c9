import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Applications, PERSON } from './applications.ts';
import { decisionPage, problemPage } from './authorize-page.ts';
import { type Demands, type Fields, readAuthorizeRequest, redirectTo } from './authorize-request.ts';
import type { Codes } from './codes.ts';

const HEADERS = {
  'content-security-policy': "default-src 'none'; style-src 'self'; img-src data:; frame-ancestors 'none'",
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
};
const hash = (text: string) => createHash('sha256').update(text).digest();
const isSame = (given: string | undefined, wanted: string) =>
  timingSafeEqual(hash(given ?? ''), hash(wanted));

/** The fields of a query or a form; null where one is given twice (RFC 6749, section 3.1). */
function fieldsOf(values: unknown): Fields | null {
  const given: [string, unknown][] =
    values instanceof URLSearchParams ? [...values] : Object.entries(values ?? {});
  const fields = Object.fromEntries(given);
  const once = Object.keys(fields).length === given.length;
  return once && given.every(([, value]) => typeof value === 'string') ? (fields as Fields) : null;
}

/**
 * The authorization endpoint: a page with a login form, on which a person allows or denies what an application asks for.
 *
 * @param input.demands of a request, whose base URL the audience may name.
 */
export async function authorizeRoutes(
  app: FastifyInstance,
  { applications, codes }: { applications: Applications; codes: Codes },
  {
    path,
    title,
    demandsOf,
  }: { path: string; title: string; demandsOf: (request: FastifyRequest) => Demands },
): Promise<void> {
  const html = (reply: FastifyReply, status: number, text: string) =>
    reply.code(status).headers(HEADERS).type('text/html; charset=utf-8').send(text);
  const go = (reply: FastifyReply, to: string) =>
    reply
      .code(302)
      .headers({ ...HEADERS, location: to })
      .send();

  async function answer(
    request: FastifyRequest,
    reply: FastifyReply,
    values: unknown,
  ): Promise<FastifyReply> {
    const { username, password, decision, ...fields } = fieldsOf(values) ?? { client_id: '' };
    const reading = readAuthorizeRequest({ applications, demands: demandsOf(request) }, fields);
    if (reading.outcome === 'untrusted') return html(reply, 400, problemPage(title, reading.problem));
    if (reading.outcome === 'refused') return go(reply, reading.to);
    const { clientId, redirectUri, scopes, state, challenge } = reading.request;
    const show = (status: number, problem?: string) =>
      html(reply, status, decisionPage({ title, application: clientId, scopes, fields, problem }));
    if (request.method === 'GET') return show(200);
    if (decision === 'deny') return go(reply, redirectTo(redirectUri, { error: 'access_denied', state }));
    if (decision !== 'allow') return show(400, 'Choose Allow or Deny.');
    if (!isSame(username, PERSON.user) || !isSame(password, PERSON.password))
      return show(401, 'User name or password is wrong.');
    const code = codes.issue({ clientId, redirectUri, scopes, challenge });
    return go(reply, redirectTo(redirectUri, { code, state }));
  }

  app.get(path, (request, reply) => answer(request, reply, request.query));
  app.post(path, (request, reply) => answer(request, reply, request.body));
}
