import { randomUUID } from 'node:crypto';
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { IdSchema } from '../patients/patient.ts';
import type { Location, Practice } from '../practice.ts';
import type { PracticeChanges } from '../practice-changes.ts';

type Deps = { practice: Practice; changes: PracticeChanges };
type ById = { Params: { id: string } };

const closed = { additionalProperties: false };
const Name = Type.String({ minLength: 1, maxLength: 255 });
const Identifiers = Type.Array(Type.String({ maxLength: 255 }), { maxItems: 20 });
const AddSchema = Type.Object(
  {
    id: Type.Optional(IdSchema),
    name: Name,
    identifiers: Type.Optional(Identifiers),
  },
  closed,
);
const ChangeSchema = Type.Object(
  {
    name: Type.Optional(Name),
    identifiers: Type.Optional(Identifiers),
    active: Type.Optional(Type.Boolean()),
  },
  closed,
);

/** Routes that add, rename, close and remove locations, as a person at the practice would. */
export async function placeRoutes(app: FastifyInstance, { practice, changes }: Deps): Promise<void> {
  const { locations } = practice;
  const missing = { error: 'There is no such location.' };
  const view = ({
    id,
    name = null,
    identifiers,
    active = true,
  }: Omit<Location, 'name'> & { name?: string | null }) => ({
    id,
    number: locations.numberOf(id),
    name,
    identifiers,
    active,
  });

  app.get('/locations', async () => ({ locations: locations.all().map(view) }));

  app.post<{ Body: Static<typeof AddSchema> }>(
    '/locations',
    { schema: { body: AddSchema } },
    async ({ body }, reply) => {
      const { id = `loc-${randomUUID()}`, name, identifiers = [] } = body;
      if (locations.record(id) !== undefined) return reply.code(409).send({ error: 'The id is taken.' });
      const location = { id, name, identifiers };
      await changes.make({ kind: 'location', location }, 'location added');
      return reply.code(201).send(view(location));
    },
  );
  app.put<ById & { Body: Static<typeof ChangeSchema> }>(
    '/locations/:id',
    { schema: { body: ChangeSchema } },
    async ({ params, body }, reply) => {
      const before = locations.get(params.id);
      if (before === undefined) return reply.code(404).send(missing);
      const location = { ...before, ...body };
      await changes.make({ kind: 'location', location }, 'location changed');
      return view(location);
    },
  );
  app.delete<ById>('/locations/:id', async ({ params }, reply) => {
    const before = locations.get(params.id);
    if (before === undefined) return reply.code(404).send(missing);
    await changes.make({ kind: 'location', location: { ...before, removed: true } }, 'location removed');
    return reply.code(204).send();
  });
}
