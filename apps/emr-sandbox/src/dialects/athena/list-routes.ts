import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Method, Practice } from '../../practice.ts';
import { AthenaError } from './athena-error.ts';
import { recordableCards, vendorMethods } from './method-kinds.ts';

/** "default 1500, max 5000" (the parameter texts of `GET /departments`). */
const DEFAULT_LIMIT = 1500;
const MAX_LIMIT = 5000;

type Query = Record<string, string | string[] | undefined>;

function wholeNumber(query: Query, name: string): number | undefined {
  const value = query[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || !/^\d{1,9}$/.test(value)) {
    throw new AthenaError(400, 'The data provided is invalid.', `${name} must be a whole number.`);
  }
  return Number(value);
}

/** One page, with links to those around it where there are any. */
function page(request: FastifyRequest<{ Querystring: Query }>, name: string, all: readonly object[]): object {
  const limit = wholeNumber(request.query, 'limit') ?? DEFAULT_LIMIT;
  const offset = wholeNumber(request.query, 'offset') ?? 0;
  if (limit < 1 || limit > MAX_LIMIT) {
    throw new AthenaError(400, 'The data provided is invalid.', `limit must be from 1 to ${MAX_LIMIT}.`);
  }
  const path = request.url.split('?', 1)[0]?.slice(request.server.prefix.length);
  const link = (from: number) => `${path}?limit=${limit}&offset=${from}`;
  return {
    [name]: all.slice(offset, offset + limit),
    totalcount: all.length,
    ...(offset + limit < all.length ? { next: link(offset + limit) } : {}),
    ...(offset > 0 ? { previous: link(Math.max(0, offset - limit)) } : {}),
  };
}

const shown = ({ id, name }: Method) => ({ name, paymentmethod: id });

/** The practice's departments and payment methods. Ids are integers in text, as in recorded answers. */
export function listRoutes(scope: FastifyInstance, { practice }: { practice: Practice }): void {
  scope.get<{ Querystring: Query }>('/v1/:practiceid/departments', async (request) => {
    const departments = practice.locations.all().map(({ id, name, identifiers }) => ({
      departmentid: String(practice.locations.numberOf(id)),
      // The practice's own name of it, beside the one for patients.
      name: identifiers[0] ?? name ?? id,
      patientdepartmentname: name ?? id,
      timezone: -5,
      timezonename: 'US/Eastern',
      servicedepartment: true,
    }));
    return page(request, 'departments', departments);
  });
  scope.get<{ Querystring: Query }>(
    '/v1/:practiceid/patientpayvendors/:vendorcode/validvendorpaymentmethods',
    async (request) => page(request, 'paymentmethods', vendorMethods(practice).map(shown)),
  );
  scope.get<{ Querystring: Query }>(
    '/v1/:practiceid/configuration/validnonccpcreditcardmethods',
    async (request) => page(request, 'paymentmethods', recordableCards(practice).map(shown)),
  );
}
