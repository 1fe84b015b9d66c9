import { type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { FastifyInstance } from 'fastify';
import type { Ledger } from '../../ledger.ts';
import {
  CodeSystemSchema,
  type Identified,
  LocationSchema,
  matchesToken,
  PatientSchema,
  type Practice,
  type PracticeResource,
} from '../../practice.ts';
import { only, type Query, refuseUnknown, searchset } from './bundle.ts';
import { FhirProblem } from './operation-outcome.ts';

type Deps = { ledger: Ledger; practice: Practice };
type Shelf = { get(id: string): Identified | undefined; all(): Identified[] };

/** Patient and Location: read and search; and PUT, by which a stack or a test sets its practice up. */
export async function practiceRoutes(app: FastifyInstance, { ledger, practice }: Deps): Promise<void> {
  const shelves: [string, Shelf][] = [
    ['Patient', practice.patients],
    ['Location', practice.locations],
  ];
  for (const [type, shelf] of shelves) {
    app.get<{ Params: { id: string } }>(`/${type}/:id`, async (request, reply) => {
      const resource = shelf.get(request.params.id);
      if (resource === undefined) throw new FhirProblem(404, 'not-found', `There is no such ${type}.`);
      return reply.send(JSON.stringify(resource));
    });
    app.get<{ Querystring: Query }>(`/${type}`, async (request, reply) => {
      refuseUnknown(request.query, ['identifier', '_id', '_count', '_offset']);
      const token = only(request.query, 'identifier');
      const id = only(request.query, '_id');
      const found = shelf
        .all()
        .filter(
          (each) =>
            (id === undefined || each.id === id) && (token === undefined || matchesToken(each, token)),
        );
      return reply.send(searchset(request, { type, found, json: JSON.stringify }));
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
      practice.put(resource);
      await ledger.keep(resource);
      return reply.send(JSON.stringify(resource));
    });
  }
}
