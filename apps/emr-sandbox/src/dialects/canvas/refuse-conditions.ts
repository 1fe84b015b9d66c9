import type { FastifyRequest } from 'fastify';
import { CanvasProblem } from './canvas-problem.ts';

const CONDITIONS = ['if-none-exist', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'];

/** Refuses conditional headers: only updates take one, and there are none here (https://docs.canvasmedical.com/api/conditional-requests). */
export function refuseConditions({ headers }: FastifyRequest): void {
  const found = CONDITIONS.find((name) => headers[name] !== undefined);
  if (found !== undefined) throw new CanvasProblem(400, `The header ${found} is not supported here`);
}
