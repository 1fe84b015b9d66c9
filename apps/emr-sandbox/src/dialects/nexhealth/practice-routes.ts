import type { FastifyInstance } from 'fastify';
import type { Location, Method, Patient, Practice } from '../../practice.ts';
import { requireFinancialData, requireVersion } from './access.ts';
import { success } from './envelope.ts';
import {
  flag,
  INSTITUTION_ID,
  ignoredParameters,
  instant,
  locationOf,
  only,
  page,
  type Query,
  SUBDOMAIN,
} from './query.ts';
import type { Switches } from './switches.ts';

type Deps = { practice: Practice; switches: Switches; since: Date };

const V2 = 'application/vnd.Nexhealth+json;version=2';

/** Patients, places, payment types and the state of the synchronisation, as the vendor's OpenAPI document shows them. */
export async function practiceRoutes(
  app: FastifyInstance,
  { practice, switches, since }: Deps,
): Promise<void> {
  const at = since.toISOString();

  const patientBody = ({ id, mrn, given = '', family = '' }: Patient) => ({
    id: practice.patients.numberOf(id),
    email: null,
    first_name: given,
    middle_name: null,
    last_name: family,
    name: `${given} ${family}`.trim(),
    created_at: at,
    updated_at: at,
    institution_id: INSTITUTION_ID,
    foreign_id: mrn ?? null,
    foreign_id_type: 'sandbox',
    bio: {},
    inactive: false,
    last_sync_time: at,
    guarantor_id: 0,
    billing_type: null,
    chart_id: null,
    preferred_language: null,
    provider_id: null,
  });

  const locationBody = ({ id, name = '', identifiers }: Location) => ({
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
    inactive: false,
  });

  const typeBody = ({ id, name }: Method) => ({
    id: practice.methods.numberOf(id),
    name,
    active: true,
    updated_at: at,
  });

  app.get<{ Querystring: Query }>('/patients', async (request) => {
    requireVersion(request);
    const { query } = request;
    locationOf(practice, query);
    const foreignId = only(query, 'foreign_id');
    const name = only(query, 'name')?.toLowerCase();
    const updatedSince = instant(query, 'updated_since');
    const rows = practice.patients
      .all()
      .filter(
        (patient) =>
          (foreignId === undefined || patient.mrn === foreignId) &&
          (name === undefined || patientBody(patient).name.toLowerCase().includes(name)) &&
          (updatedSince === undefined || since.getTime() >= updatedSince),
      );
    const known = ['subdomain', 'location_id', 'foreign_id', 'name', 'updated_since', 'location_strict'];
    return page(request, { rows, known, show: patientBody });
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
    const locations = practice.locations
      .all()
      .map(locationBody)
      .filter(({ foreign_id }) => foreignId === undefined || foreign_id === foreignId);
    const here =
      (subdomain === undefined || subdomain === SUBDOMAIN) && flag(query, 'inactive') !== true
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
      locations: practice.locations
        .all()
        .map(({ id, name = '' }) => ({ id: practice.locations.numberOf(id), name, inactive: false })),
    };
    const shown =
      (subdomain === undefined || subdomain === SUBDOMAIN) &&
      (wanted === undefined || wanted === write_status)
        ? [status]
        : [];
    return reply.type(V2).send({ ...success(shown), count: shown.length });
  });
}
