import type { FastifyInstance } from 'fastify';
import type { Practice } from '../../practice.ts';
import { definitionsOf } from './definitions.ts';
import { only, pageOf, type Query } from './query.ts';

/** Definitions and clinics: the names that a payment may give. */
export async function practiceRoutes(
  app: FastifyInstance,
  { practice }: { practice: Practice },
): Promise<void> {
  // https://www.opendental.com/site/apidefinitions.html. A category that is no number filters nothing.
  app.get<{ Querystring: Query }>('/api/v1/definitions', async ({ query }) => {
    const category = only(query, 'Category');
    const withHidden = only(query, 'includeHidden') === 'true';
    const rows = definitionsOf(practice).filter(
      (row) =>
        (withHidden || row.isHidden === 'false') &&
        (category === undefined || !/^\d+$/.test(category) || row.Category === Number(category)),
    );
    return pageOf(query, rows);
  });

  // https://www.opendental.com/site/apiclinics.html: an empty list means that the office does not use clinics.
  app.get<{ Querystring: Query }>('/api/v1/clinics', async ({ query }) =>
    pageOf(
      query,
      practice.locations.all().map(({ id, name = '', identifiers, active = true }) => ({
        ClinicNum: practice.locations.numberOf(id),
        Description: name,
        Address: '',
        City: '',
        State: '',
        Zip: '',
        Phone: '',
        Abbr: identifiers[0] ?? name,
        IsHidden: active ? 'false' : 'true',
      })),
    ),
  );
}
