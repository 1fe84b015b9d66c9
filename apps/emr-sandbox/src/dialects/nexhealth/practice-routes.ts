import type { FastifyInstance } from 'fastify';
import type { Location, Method, Practice } from '../../practice.ts';
import { requireFinancialData, requireVersion } from './access.ts';
import { success } from './envelope.ts';
import {
  flag,
  INSTITUTION_ID,
  ignoredParameters,
  locationOf,
  only,
  page,
  type Query,
  SUBDOMAIN,
} from './query.ts';
import type { Switches } from './switches.ts';

type Deps = { practice: Practice; switches: Switches; since: Date };

const V2 = 'application/vnd.Nexhealth+json;version=2';

/** Places, payment types and the state of the synchronisation, as the vendor's OpenAPI document shows them. */
export async function practiceRoutes(
  app: FastifyInstance,
  { practice, switches, since }: Deps,
): Promise<void> {
  const at = since.toISOString();

  const locationBody = ({ id, name = '', identifiers, active = true }: Location) => ({
    id: practice.locations.numberOf(id),
    name,
    institution_id: INSTITUTION_ID,
    street_address: null,
    city: null,
    state: null,
    zip_code: null,
    country_code: 'US',
    created_at: at,
    updated_at: at,
    phone_number: null,
    foreign_id: identifiers[0] ?? id,
    foreign_id_type: 'sandbox',
    email: null,
    tz: 'America/New_York',
    last_sync_time: at,
    inactive: !active,
  });

  const typeBody = ({ id, name }: Method) => ({
    id: practice.methods.numberOf(id),
    name,
    active: true,
    updated_at: at,
  });

  app.get<{ Querystring: Query }>('/payment_types', async (request) => {
    requireVersion(request);
    requireFinancialData(switches);
    const { query } = request;
    locationOf(practice, query);
    const rows = (flag(query, 'active') ?? true) ? practice.methods.all() : [];
    const known = ['subdomain', 'location_id', 'active', 'updated_since'];
    return page(request, { rows, known, show: typeBody });
  });

  app.get<{ Querystring: Query }>('/locations', async ({ query }, reply) => {
    const subdomain = only(query, 'subdomain');
    const foreignId = only(query, 'foreign_id');
    const wanted = flag(query, 'inactive');
    const locations = practice.locations
      .all()
      .map(locationBody)
      .filter(
        ({ foreign_id, inactive }) =>
          (foreignId === undefined || foreign_id === foreignId) &&
          (wanted === undefined || inactive === wanted),
      );
    const here =
      (subdomain === undefined || subdomain === SUBDOMAIN) && (wanted !== true || locations.length > 0)
        ? [{ id: INSTITUTION_ID, name: 'The sandbox practice', subdomain: SUBDOMAIN, locations }]
        : [];
    const ignored = ignoredParameters(query, ['subdomain', 'foreign_id', 'inactive']);
    return reply.type(V2).send({ ...success(here, ignored), count: here.length });
  });

  app.get<{ Querystring: Query }>('/sync_status', async ({ query }, reply) => {
    const subdomain = only(query, 'subdomain');
    const wanted = only(query, 'write_status');
    const { write_status } = switches.current;
    const status = {
      institution_id: INSTITUTION_ID,
      sync_source_type: 'Emr',
      sync_source_name: 'sandbox',
      emr: { id: 1, name: 'sandbox', display_name: 'Sandbox', type: 'onprem' },
      read_status: 'green',
      // The last successful read (https://docs.nexhealth.com/reference/webhook-subscriptions): the ledger is never behind here.
      read_status_at: new Date().toISOString(),
      write_status,
      write_status_at: at,
      locations: practice.locations.all().map(({ id, name = '', active = true }) => ({
        id: practice.locations.numberOf(id),
        name,
        inactive: !active,
      })),
    };
    const shown =
      (subdomain === undefined || subdomain === SUBDOMAIN) &&
      (wanted === undefined || wanted === write_status)
        ? [status]
        : [];
    return reply.type(V2).send({ ...success(shown), count: shown.length });
  });
}
