/** Something took longer than a request may wait for it. Nobody knows what became of it. */
export class LateError extends Error {
  override name = 'LateError';
}

/**
 * Bounds a wait. Fastify's own `handlerTimeout` does the same for a whole route, at a tenth of the accept path's
 * speed: it makes an AbortController for each request.
 *
 * @throws LateError after so many milliseconds. The work itself goes on.
 */
export function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new LateError(`not done in ${milliseconds} ms`)), milliseconds);
    work.then(
      (result) => {
        clearTimeout(timer);
        resolve(result);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
