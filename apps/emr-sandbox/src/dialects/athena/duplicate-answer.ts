import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';

const DuplicateAnswerSchema = Type.Object(
  { status: Type.Integer({ minimum: 400, maximum: 499 }), error: Type.String({ minLength: 1 }) },
  { additionalProperties: false },
);

/**
 * The refusal of a second payment with the same `externalrefid`. That it is refused is documented, with what status and words is
 * not: so a test sets them.
 */
export type DuplicateAnswer = { current: Static<typeof DuplicateAnswerSchema> };

export const createDuplicateAnswer = (): DuplicateAnswer => ({
  current: { status: 409, error: 'Duplicate payment: this externalrefid has been used.' },
});

/** Reads and sets the refusal at `/sandbox/athena/duplicate`. */
export function duplicateAnswerRoutes(control: FastifyInstance, answer: DuplicateAnswer): void {
  control.get('/duplicate', async () => answer.current);
  control.put<{ Body: DuplicateAnswer['current'] }>(
    '/duplicate',
    { schema: { body: DuplicateAnswerSchema } },
    async (request) => {
      answer.current = request.body;
      return answer.current;
    },
  );
}
