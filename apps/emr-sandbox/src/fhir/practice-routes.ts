import { type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { FastifyInstance } from 'fastify';
import type { Practice } from '../practice.ts';
import type { PracticeChanges } from '../practice-changes.ts';
import { only, type Query, refuseUnknown, searchset } from './bundle.ts';
import { matchesToken } from './identifiers.ts';
import { FhirProblem } from './operation-outcome.ts';
import { patientRoutes } from './patient-routes.ts';
import {
  CodeSystemSchema,
  changeOf,
  createResourceReaders,
  LocationSchema,
  PatientSchema,
  type PracticeResource,
} from './practice-resources.ts';

type Deps = { practice: Practice; changes: PracticeChanges };

/** Patient and Location: read and search, and the PUT by which a stack or a test sets its practice up. */
export async function practiceRoutes(app: FastifyInstance, { practice, changes }: Deps): Promise<void> {
  const read = createResourceReaders();
  await patientRoutes(app, { practice, read: read.patient });

  app.get<{ Params: { id: string } }>('/Location/:id', async (request, reply) => {
    const record = practice.locations.record(request.params.id);
    if (record === undefined) throw new FhirProblem(404, 'not-found', 'There is no such Location.');
    if (record.removed === true) throw new FhirProblem(410, 'deleted', 'The Location was deleted.');
    return reply.send(read.location(record).json);
  });
  app.get<{ Querystring: Query }>('/Location', async (request, reply) => {
    refuseUnknown(request.query, ['identifier', '_id', '_count', '_offset']);
    const token = only(request.query, 'identifier');
    const id = only(request.query, '_id');
    const found = practice.locations
      .all()
      .map(read.location)
      .filter(
        (each) =>
          (id === undefined || each.id === id) &&
          (token === undefined || matchesToken(each.identifiers, token)),
      );
    return reply.send(searchset(request, { type: 'Location', found, json: ({ json }) => json }));
  });

  const puttable: [string, TSchema][] = [
    ['Patient', PatientSchema],
    ['Location', LocationSchema],
    ['CodeSystem', Type.Composite([CodeSystemSchema], { additionalProperties: true })],
  ];
  for (const [type, schema] of puttable) {
    app.put<{ Params: { id: string } }>(`/${type}/:id`, async (request, reply) => {
      const problem = Value.Errors(schema, request.body).First();
      if (problem !== undefined) {
        throw new FhirProblem(
          400,
          'structure',
          `${type}${problem.path.replaceAll('/', '.')}: ${problem.message}.`,
        );
      }
      const resource = request.body as PracticeResource;
      if (resource.id !== request.params.id)
        throw new FhirProblem(400, 'value', 'The id must be the one of the URL.');
      await changes.make(changeOf(resource, practice.patients.stamp()), `${type} put`);
      return reply.send(JSON.stringify(resource));
    });
  }
}
