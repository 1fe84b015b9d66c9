import type { FastifyInstance } from 'fastify';

type Json = Record<string, unknown>;

/** Reads JSON with the same headers again and again. @throws Error for an answer that is no 200. */
export function readerFor(app: FastifyInstance, headers: Record<string, string>) {
  return async <T = Json>(url: string): Promise<T> => {
    const answer = await app.inject({ url, headers });
    if (answer.statusCode !== 200) throw new Error(`${url}: ${answer.statusCode} ${answer.body}`);
    return answer.json();
  };
}

/** Changes the practice by its control routes. */
export const practiceOf = (app: FastifyInstance) => ({
  add: (body: object) => app.inject({ method: 'POST', url: '/sandbox/patients', body }),
  change: (id: string, body: object) => app.inject({ method: 'PUT', url: `/sandbox/patients/${id}`, body }),
  remove: (id: string) => app.inject({ method: 'DELETE', url: `/sandbox/patients/${id}` }),
  merge: (id: string, into: string) =>
    app.inject({ method: 'POST', url: `/sandbox/patients/${id}/merge`, body: { into } }),
});
