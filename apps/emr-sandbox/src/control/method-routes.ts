import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { Method, Practice } from '../practice.ts';
import type { PracticeChanges } from '../practice-changes.ts';

type Deps = { practice: Practice; changes: PracticeChanges };
type ById = { Params: { id: string } };

const closed = { additionalProperties: false };
const Name = Type.String({ minLength: 1, maxLength: 255 });

/** Routes that add, rename and remove payment methods, as a person at the practice would. */
export async function methodRoutes(app: FastifyInstance, { practice, changes }: Deps): Promise<void> {
  const { methods } = practice;
  const missing = { error: 'There is no such method.' };
  const save = (list: Method[], what: string) => changes.make({ kind: 'methods', methods: list }, what);

  app.get('/methods', async () => ({ methods: methods.all() }));

  app.post<{ Body: Method }>(
    '/methods',
    { schema: { body: Type.Object({ id: Name, name: Name }, closed) } },
    async ({ body }, reply) => {
      if (methods.get(body.id) !== undefined) return reply.code(409).send({ error: 'The id is taken.' });
      await save([...methods.all(), body], 'method added');
      return reply.code(201).send(body);
    },
  );
  app.put<ById & { Body: { name: string } }>(
    '/methods/:id',
    { schema: { body: Type.Object({ name: Name }, closed) } },
    async ({ params: { id }, body: { name } }, reply) => {
      if (methods.get(id) === undefined) return reply.code(404).send(missing);
      await save(
        methods.all().map((each) => (each.id === id ? { id, name } : each)),
        'method renamed',
      );
      return { id, name };
    },
  );
  app.delete<ById>('/methods/:id', async ({ params: { id } }, reply) => {
    if (methods.get(id) === undefined) return reply.code(404).send(missing);
    await save(
      methods.all().filter((each) => each.id !== id),
      'method removed',
    );
    return reply.code(204).send();
  });
}
