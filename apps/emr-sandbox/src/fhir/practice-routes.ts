import { type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { FastifyInstance } from 'fastify';
import type { Ledger } from '../ledger.ts';
import type { Practice, Shelf } from '../practice.ts';
import { only, type Query, refuseUnknown, searchset } from './bundle.ts';
import { matchesToken } from './identifiers.ts';
import { FhirProblem } from './operation-outcome.ts';
import {
  CodeSystemSchema,
  changeOf,
  createResourceReaders,
  LocationSchema,
  PatientSchema,
  type PracticeResource,
  type Resource,
} from './practice-resources.ts';

type Deps = { ledger: Ledger; practice: Practice };
type Records = { get(id: string): Resource | undefined; all(): Resource[] };

function recordsOf<T extends { id: string }>(shelf: Shelf<T>, read: (record: T) => Resource): Records {
  return {
    get(id) {
      const record = shelf.get(id);
      return record && read(record);
    },
    all: () => shelf.all().map(read),
  };
}

/** Patient and Location: read and search, and the PUT by which a stack or a test sets its practice up. */
export async function practiceRoutes(app: FastifyInstance, { ledger, practice }: Deps): Promise<void> {
  const read = createResourceReaders();
  const readable: [string, Records][] = [
    ['Patient', recordsOf(practice.patients, read.patient)],
    ['Location', recordsOf(practice.locations, read.location)],
  ];
  for (const [type, records] of readable) {
    app.get<{ Params: { id: string } }>(`/${type}/:id`, async (request, reply) => {
      const resource = records.get(request.params.id);
      if (resource === undefined) throw new FhirProblem(404, 'not-found', `There is no such ${type}.`);
      return reply.send(resource.json);
    });
    app.get<{ Querystring: Query }>(`/${type}`, async (request, reply) => {
      refuseUnknown(request.query, ['identifier', '_id', '_count', '_offset']);
      const token = only(request.query, 'identifier');
      const id = only(request.query, '_id');
      const found = records
        .all()
        .filter(
          (each) =>
            (id === undefined || each.id === id) &&
            (token === undefined || matchesToken(each.identifiers, token)),
        );
      return reply.send(searchset(request, { type, found, json: ({ json }) => json }));
    });
  }

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
      const change = changeOf(resource);
      practice.apply(change);
      await ledger.keep(change);
      return reply.send(JSON.stringify(resource));
    });
  }
}
