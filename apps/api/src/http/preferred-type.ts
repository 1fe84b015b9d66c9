import type { IncomingHttpHeaders } from 'node:http';
import Negotiator from 'negotiator';

/**
 * Chooses the media type that a request prefers by its header `Accept` (RFC 9110, section 12.5.1).
 *
 * @returns the first of `types` when the header is absent or has no preference; undefined when it accepts none of them.
 */
export function preferredType<T extends string>(
  { headers }: { headers: IncomingHttpHeaders },
  types: readonly T[],
): T | undefined {
  return new Negotiator({ headers }).mediaType([...types]) as T | undefined;
}
