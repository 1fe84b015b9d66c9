/** The work did not end within its time. What becomes of it is unknown: it was not stopped. */
export class LateError extends Error {
  override name = 'LateError';
}

/**
 * Waits for `work`, but at most so many milliseconds.
 *
 * @throws LateError when the time is up. The work goes on, and what it returns or throws later is ignored.
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
