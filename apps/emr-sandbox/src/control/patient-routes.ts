import { randomUUID } from 'node:crypto';
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { MADE_NUMBERS, MOST_MADE, placeInId } from '../patients/made-patients.ts';
import {
  DaySchema,
  IdSchema,
  isOnFile,
  type Patient,
  StatusSchema,
  statusOf,
  updatedAtOf,
} from '../patients/patient.ts';
import { personOf } from '../patients/person.ts';
import type { Practice } from '../practice.ts';
import type { PracticeChanges } from '../practice-changes.ts';

type Deps = { practice: Practice; changes: PracticeChanges };

const closed = { additionalProperties: false };
const Name = Type.String({ maxLength: 255 });
const fields = {
  given: Type.Optional(Name),
  family: Type.Optional(Name),
  birth_date: Type.Optional(DaySchema),
};
const AddSchema = Type.Object({ id: Type.Optional(IdSchema), mrn: Type.Optional(Name), ...fields }, closed);
const ChangeSchema = Type.Object(
  {
    mrn: Type.Optional(Type.Unsafe<string | null>({ type: 'string', nullable: true, maxLength: 255 })),
    ...fields,
    status: Type.Optional(StatusSchema),
  },
  closed,
);
const ListSchema = Type.Object({
  mrn: Type.Optional(Type.String()),
  after: Type.Integer({ minimum: 0, default: 0 }),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
});
type Add = Static<typeof AddSchema>;
type Change = Static<typeof ChangeSchema>;
type ById = { Params: { id: string } };

/** Takes the names of a request's fields to those of a record. */
function recordFields({ birth_date, ...rest }: Omit<Change, 'mrn'>): Partial<Patient> {
  return { ...rest, ...(birth_date === undefined ? {} : { birthDate: birth_date }) };
}

/** Shows a patient to checkers. */
function viewPatient({ practice }: { practice: Practice }, patient: Patient) {
  const { given, family, birthDate } = personOf(patient);
  return {
    id: patient.id,
    number: practice.patients.numberOf(patient.id),
    mrn: patient.mrn ?? null,
    given,
    family,
    birth_date: birthDate,
    status: statusOf(patient),
    merged_into: patient.mergedInto ?? null,
    updated_at: updatedAtOf(patient),
  };
}

/** Routes that add, change, delete and merge patients, as a person at the practice would, and make many by number. */
export async function patientRoutes(app: FastifyInstance, { practice, changes }: Deps): Promise<void> {
  const { patients } = practice;
  const view = (patient: Patient) => viewPatient({ practice }, patient);
  const missing = { error: 'There is no such patient.' };

  async function save(record: Patient, what: string) {
    // Two changes of one millisecond are two changes.
    const after = new Date(Math.max(Date.now(), Date.parse(updatedAtOf(record)) + 1));
    const patient = { ...record, updatedAt: patients.stamp(after) };
    await changes.make({ kind: 'patient', patient }, what);
    return view(patient);
  }

  app.get<{ Querystring: Static<typeof ListSchema> }>(
    '/patients',
    { schema: { querystring: ListSchema } },
    async ({ query: { mrn, after, limit } }) => {
      const all = { keeps: () => true, alike: true };
      const { rows } =
        mrn === undefined
          ? patients.page({ ...all, order: 'number', after: { number: after }, limit: Math.min(limit, 1000) })
          : { rows: patients.withMrn(mrn) };
      return { count: patients.count(all), patients: rows.map(view) };
    },
  );
  app.get<ById>('/patients/:id', async ({ params }, reply) => {
    const record = patients.record(params.id);
    return record === undefined ? reply.code(404).send(missing) : view(record);
  });

  app.post<{ Body: Add }>('/patients', { schema: { body: AddSchema } }, async ({ body }, reply) => {
    const { id = `pat-${randomUUID()}`, mrn, ...rest } = body;
    if (patients.record(id) !== undefined || placeInId(id) !== undefined)
      return reply.code(409).send({ error: 'The id is taken.' });
    const record = { id, ...(mrn === undefined ? {} : { mrn }), ...recordFields(rest) };
    return reply.code(201).send(await save(record, 'patient added'));
  });

  app.put<ById & { Body: Change }>(
    '/patients/:id',
    { schema: { body: ChangeSchema } },
    async ({ params, body: { mrn, ...rest } }, reply) => {
      const record = patients.record(params.id);
      if (record === undefined) return reply.code(404).send(missing);
      const { mrn: before, ...others } = record;
      const next = mrn === undefined ? before : (mrn ?? undefined);
      return save(
        { ...others, ...(next === undefined ? {} : { mrn: next }), ...recordFields(rest) },
        'patient changed',
      );
    },
  );

  app.delete<ById>('/patients/:id', async ({ params }, reply) => {
    const record = patients.record(params.id);
    if (record === undefined) return reply.code(404).send(missing);
    return save({ ...record, status: 'deleted' }, 'patient deleted');
  });

  app.post<ById & { Body: { into: string } }>(
    '/patients/:id/merge',
    { schema: { body: Type.Object({ into: IdSchema }, closed) } },
    async ({ params, body: { into } }, reply) => {
      const [from, other] = [patients.record(params.id), patients.record(into)];
      if (from === undefined || other === undefined) return reply.code(404).send(missing);
      if (into === params.id || !isOnFile(from) || !isOnFile(other))
        return reply.code(409).send({ error: 'Two different patients on file are needed.' });
      // The chart that stays was changed too: it has the other's records now.
      await save(other, 'patient merged into');
      return save({ ...from, mergedInto: into }, 'patient merged');
    },
  );

  app.put<{ Body: { count: number } }>(
    '/made-patients',
    {
      schema: {
        body: Type.Object({ count: Type.Integer({ minimum: 0, maximum: MOST_MADE }) }, closed),
      },
    },
    async ({ body: { count } }, reply) => {
      // `"1e400"` is taken for the number Infinity, and a schema's maximum does not hold for that one.
      if (count > MOST_MADE) return reply.code(400).send({ error: `count may be ${MOST_MADE} at most.` });
      if (count < patients.madeCount())
        return reply.code(409).send({ error: `${patients.madeCount()} patients are made already.` });
      const at = patients.stamp();
      await changes.make({ kind: 'made', count, at }, `patients made up to ${count}`);
      return { count, first_number: MADE_NUMBERS + 1 };
    },
  );
}
