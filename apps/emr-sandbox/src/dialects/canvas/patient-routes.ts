import { createHash } from 'node:crypto';
import { clip } from '@emr-payments/runtime';
import type { FastifyInstance } from 'fastify';
import { type Patient, statusOf } from '../../patients/patient.ts';
import { personOf } from '../../patients/person.ts';
import type { Practice } from '../../practice.ts';
import { CanvasProblem } from './canvas-problem.ts';
import { linksOf, type Query, wholeNumber } from './page.ts';
import { refuseConditions } from './refuse-conditions.ts';

/** The system of the MRN that Canvas issues (https://docs.canvasmedical.com/api/patient). */
const CANVAS = 'http://canvasmedical.com';
/** A second number, which an integrator may have saved with the patient. */
const PARTNER = 'HealthCo';

/** https://docs.canvasmedical.com/api/patient; there is no `_lastUpdated`. */
const KNOWN = [
  '_id',
  '_sort',
  'active',
  'birthdate',
  'email',
  'family',
  'gender',
  'given',
  'identifier',
  'name',
  'nickname',
  'phone',
  '_count',
  '_offset',
];
const SORTS = ['_id', 'birthdate', 'family', 'given'];

/** Canvas has no deleted patients: one that is not on file any more is not active. */
const isActive = (patient: Patient) =>
  patient.mergedInto === undefined && ['active', 'deceased'].includes(statusOf(patient));

const uuidOf = (text: string) => {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

function identifiersOf({ id, mrn }: Patient) {
  const issued = {
    use: 'usual',
    type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }] },
    system: CANVAS,
    value: mrn,
    assigner: { display: 'Canvas Medical' },
  };
  const saved = {
    id: uuidOf(`identifier ${id}`),
    use: 'usual',
    system: PARTNER,
    value: `partner-${id}`,
    period: { start: '1970-01-01', end: '2100-12-31' },
  };
  return mrn === undefined ? [saved] : [issued, saved];
}

function resourceOf(patient: Patient): object {
  const { given, middle, family, birthDate, phone, email, street } = personOf(patient);
  return {
    resourceType: 'Patient',
    id: patient.id,
    text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${middle}</div>` },
    identifier: identifiersOf(patient),
    active: isActive(patient),
    name: [
      { use: 'official', family, given: [given] },
      { use: 'nickname', given: [middle] },
    ],
    telecom: [
      { id: uuidOf(`phone ${patient.id}`), system: 'phone', value: phone, use: 'mobile', rank: 1 },
      { id: uuidOf(`email ${patient.id}`), system: 'email', value: email, use: 'work', rank: 1 },
    ],
    gender: 'unknown',
    birthDate,
    deceasedBoolean: statusOf(patient) === 'deceased',
    address: [
      { id: uuidOf(`address ${patient.id}`), use: 'home', type: 'both', line: [street], city: 'Nowhere' },
    ],
  };
}

/** One value of a parameter that may be given once. */
function only(query: Query, name: string): string | undefined {
  const value = query[name];
  if (Array.isArray(value)) throw new CanvasProblem(400, `${name} may be given once`);
  return value;
}

/** `value` of any system, `system|value`, `system|` for all of a system, `|value` of the empty system. */
function hasIdentifier(patient: Patient, token: string): boolean {
  const bar = token.lastIndexOf('|');
  const [system, value] = [token.slice(0, Math.max(bar, 0)), token.slice(bar + 1)];
  return identifiersOf(patient).some(
    (each) => (bar === -1 || each.system === system) && (value === '' || each.value === value),
  );
}

/** The test of all parameters but `identifier` and `_id`, and whether it is the same for patients that differ in numbers only. */
function testOf(query: Query): { keeps: (patient: Patient) => boolean; alike: boolean } {
  const active = only(query, 'active');
  if (active !== undefined && active !== 'true' && active !== 'false')
    throw new CanvasProblem(400, 'active must be a boolean');
  const texts = ['family', 'given', 'name', 'nickname', 'email', 'phone', 'birthdate', 'gender'];
  const asked = new Map(
    texts.flatMap((name) => (only(query, name) ? [[name, String(only(query, name))]] : [])),
  );
  const starts = (text: string, name: string) =>
    text.toLowerCase().startsWith((asked.get(name) ?? '').toLowerCase());
  return {
    alike: asked.size === 0,
    keeps(patient) {
      if (active !== undefined && isActive(patient) !== (active === 'true')) return false;
      const person = personOf(patient);
      return (
        starts(person.family, 'family') &&
        starts(person.given, 'given') &&
        starts(person.middle, 'nickname') &&
        (starts(person.family, 'name') || starts(person.given, 'name')) &&
        (asked.get('email') ?? person.email) === person.email &&
        (asked.get('phone') ?? '').replace(/\D/g, '') ===
          (asked.has('phone') ? person.phone.replaceAll('-', '') : '') &&
        (asked.get('birthdate') ?? person.birthDate) === person.birthDate &&
        (asked.get('gender') ?? 'unknown') === 'unknown'
      );
    },
  };
}

/** Patient: read and search (https://docs.canvasmedical.com/api/patient). It can be created and changed at the vendor, and not here. */
export async function patientRoutes(
  app: FastifyInstance,
  { practice }: { practice: Practice },
): Promise<void> {
  const { patients } = practice;

  app.get<{ Params: { id: string } }>('/Patient/:id', async (request) => {
    refuseConditions(request);
    const record = patients.record(request.params.id);
    if (record === undefined) throw new CanvasProblem(404, 'Unknown Patient resource');
    return resourceOf(record);
  });

  app.get<{ Querystring: Query }>('/Patient', async (request) => {
    refuseConditions(request);
    const { query } = request;
    const unknown = Object.keys(query).find((name) => !KNOWN.includes(name));
    if (unknown !== undefined) throw new CanvasProblem(400, `Unknown parameter ${clip(unknown, 40)}`);
    const sort = only(query, '_sort') ?? '_id';
    if (!SORTS.includes(sort.replace(/^-/, ''))) throw new CanvasProblem(400, '_sort is not supported');
    // Other orders than that of the ids are documented; the sandbox has none of them.
    if (sort !== '_id') throw new CanvasProblem(400, 'Only _sort=_id is supported here');
    const limit = Math.min(Math.max(wholeNumber(query, '_count', 10), 1), 100);
    const offset = wholeNumber(query, '_offset', 0);
    const [id, identifier] = [only(query, '_id'), only(query, 'identifier')];
    const test = testOf(query);
    const isNamed = (patient: Patient) =>
      (id === undefined || patient.id === id) &&
      (identifier === undefined || hasIdentifier(patient, identifier)) &&
      test.keeps(patient);
    const mrn = identifier?.slice(identifier.lastIndexOf('|') + 1);
    // Only the second number and a whole system can be of a patient with another MRN.
    const byMrn = mrn !== undefined && mrn !== '' && !mrn.startsWith('partner-');
    const few = id !== undefined ? [patients.record(id)] : byMrn ? patients.withMrn(mrn) : undefined;
    const found = few?.flatMap((patient) => (patient !== undefined && isNamed(patient) ? patient : []));
    const all = { keeps: isNamed, alike: test.alike && identifier === undefined };
    const total = found?.length ?? patients.count(all);
    const rows =
      found?.slice(offset, offset + limit) ?? patients.page({ ...all, order: 'number', offset, limit }).rows;
    return {
      resourceType: 'Bundle',
      type: 'searchset',
      total,
      link: linksOf('Patient', query, { count: limit, offset, total }),
      ...(rows.length === 0 ? {} : { entry: rows.map((patient) => ({ resource: resourceOf(patient) })) }),
    };
  });

  const notSupported = async () => {
    throw new CanvasProblem(405, 'Operation is not supported');
  };
  app.route({ method: ['POST', 'PUT', 'PATCH', 'DELETE'], url: '/Patient', handler: notSupported });
  app.route({ method: ['POST', 'PUT', 'PATCH', 'DELETE'], url: '/Patient/:id', handler: notSupported });
}
