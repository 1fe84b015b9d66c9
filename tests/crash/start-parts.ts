/** Stops one part. */
export type Release = () => Promise<unknown>;

/**
 * Starts the parts of a system, each of which adds how it is stopped.
 *
 * @returns the parts, with a `stop` that stops them in the opposite order.
 * @throws the error of the part that did not start, after stopping the parts that did.
 */
export async function startParts<Parts>(
  start: (releases: Release[]) => Promise<Parts>,
): Promise<Parts & { stop(): Promise<void> }> {
  const releases: Release[] = [];
  const stop = async (): Promise<void> => {
    for (let next = releases.pop(); next !== undefined; next = releases.pop()) await next();
  };
  try {
    return { ...(await start(releases)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
