import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { Credentials } from '../credentials.ts';
import type { PracticeChanges } from '../practice-changes.ts';

type Deps = { credentials: Credentials; changes: PracticeChanges };

const SecretSchema = Type.Object(
  // Visible ASCII without `/` and `:`: it must fit into every dialect's header.
  {
    secret: Type.Unsafe<string | null>({
      type: 'string',
      nullable: true,
      pattern: '^[A-Za-z0-9._~-]{1,128}$',
    }),
  },
  { additionalProperties: false },
);

/** Routes that change the practice's secret and end all logins, as a person at the practice or the vendor would. */
export async function credentialRoutes(app: FastifyInstance, { credentials, changes }: Deps): Promise<void> {
  app.get('/credentials', async () => ({ secret: credentials.state() }));
  app.put<{ Body: { secret: string | null } }>(
    '/credentials',
    { schema: { body: SecretSchema } },
    async ({ body }) => {
      credentials.change(body.secret);
      changes.note(body.secret === null ? 'secret changed back' : 'secret changed');
      return { secret: credentials.state() };
    },
  );
  app.post('/credentials/end-logins', async (_request, reply) => {
    credentials.endLogins();
    changes.note('logins ended');
    return reply.code(204).send();
  });
}
