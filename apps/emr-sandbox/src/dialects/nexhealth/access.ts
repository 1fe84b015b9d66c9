import { randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Credentials } from '../../credentials.ts';
import { type CallLimit, createCallLimit, type Pace } from '../../pace.ts';
import { NexProblem, success } from './envelope.ts';
import type { Switches } from './switches.ts';

/** https://docs.nexhealth.com/reference/authentication-1: a bearer token is good for one hour. */
const TOKEN_MS = 3_600_000;
const V2 = 'application/vnd.Nexhealth+json;version=2';
const VERSIONS: readonly unknown[] = ['v3.0.0', 'v20240412'];
const SECOND = 1000;
const MINUTE = 60_000;

const pathOf = ({ url }: FastifyRequest) => url.split('?', 1)[0] ?? '';

/** A token that looks like the vendor's, a JWT. Nobody checks its signature: it is known by heart. */
function newToken(expires: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: 'NexHealth sandbox', exp: Math.floor(expires / 1000) };
  return `${part({ alg: 'HS256' })}.${part(claims)}.${randomBytes(32).toString('base64url')}`;
}

/** The vendor's limits, which count for each API key (https://docs.nexhealth.com/reference/rate-limiting). */
function vendorLimits(pace: Pace): (path: string) => CallLimit {
  const perSecond = { calls: 100, perMs: SECOND };
  const people = createCallLimit({ pace }, [perSecond, { calls: 1000, perMs: MINUTE }]);
  const others = createCallLimit({ pace }, [perSecond, { calls: 2000, perMs: MINUTE }]);
  return (path) => (/\/(patients|appointments)(\/|$)/.test(path) ? people : others);
}

/** Lets in callers with a token that `POST /authenticates` has given for their API key, within the vendor's limits. */
export function requireAccess(
  scope: FastifyInstance,
  { credentials, pace }: { credentials: Credentials; pace: Pace },
): void {
  const issued = new Map<string, { key: string; expires: number; era: string }>();
  const limitOf = vendorLimits(pace);

  function keyOf({ headers }: FastifyRequest): string {
    const presented = headers.authorization ?? '';
    if (!/^[^\s]+$/.test(presented) || !credentials.isSecret(presented))
      throw new NexProblem(401, 'Your API key is invalid.');
    return presented;
  }

  function holderOf({ headers }: FastifyRequest): string {
    const [, token = ''] = /^Bearer ([^\s]+)$/.exec(headers.authorization ?? '') ?? [];
    const found = issued.get(token);
    if (found === undefined || found.era !== credentials.era())
      throw new NexProblem(401, 'Your token is invalid.');
    if (found.expires <= Date.now()) throw new NexProblem(401, 'Your token has expired.');
    return found.key;
  }

  scope.addHook('onRequest', async (request) => {
    const path = pathOf(request);
    const key = path === `${scope.prefix}/authenticates` ? keyOf(request) : holderOf(request);
    if (limitOf(path).take(key) > 0) throw new NexProblem(429, 'Rate limit exceeded.');
  });

  scope.post('/authenticates', async (request, reply) => {
    if (String(request.headers.accept ?? '').replaceAll(' ', '') !== V2) {
      throw new NexProblem(400, `The header Accept must be ${V2}.`);
    }
    const expires = Date.now() + TOKEN_MS;
    const token = newToken(expires);
    issued.set(token, { key: keyOf(request), expires, era: credentials.era() });
    return reply.code(201).type(V2).send(success({ token }));
  });
}

/** Demands the header that chooses the version of the API: without it another one would answer. */
export function requireVersion({ headers }: FastifyRequest): void {
  if (!VERSIONS.includes(headers['nex-api-version'])) {
    throw new NexProblem(400, `The header Nex-Api-Version must be one of ${VERSIONS.join(', ')}.`);
  }
}

/** Refuses ledger calls until the vendor has turned on financial data for the key. */
export function requireFinancialData({ current }: Switches): void {
  if (!current.financial_data) throw new NexProblem(403, "You don't have access to perform this action.");
}
