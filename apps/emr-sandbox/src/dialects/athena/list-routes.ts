import type { FastifyInstance } from 'fastify';
import type { Method, Practice } from '../../practice.ts';
import { recordableCards, vendorMethods } from './method-kinds.ts';
import { page, type Query } from './page.ts';

const shown = ({ id, name }: Method) => ({ name, paymentmethod: id });

/** The practice's departments and payment methods. Ids are integers in text, as in recorded answers. */
export function listRoutes(scope: FastifyInstance, { practice }: { practice: Practice }): void {
  scope.get<{ Querystring: Query }>('/v1/:practiceid/departments', async (request) => {
    // A department that is not used any more is in no list.
    const used = practice.locations.all().filter(({ active = true }) => active);
    const departments = used.map(({ id, name, identifiers }) => ({
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
