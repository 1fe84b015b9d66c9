import { randomBytes } from 'node:crypto';
import type { Credentials } from './credentials.ts';

export type IssuedTokens = {
  issue(): string;
  /** True for a token that was issued here, under the present credentials, and has not expired. */
  accepts(token: string): boolean;
};

/** The access tokens of one token endpoint. They live in memory, so a restart ends them, as an EMR may at any time. */
export function createIssuedTokens(
  { credentials }: { credentials: Pick<Credentials, 'era'> },
  { livesSeconds }: { livesSeconds: number },
): IssuedTokens {
  const issued = new Map<string, { ends: number; era: string }>();
  return {
    issue() {
      const token = randomBytes(24).toString('base64url');
      issued.set(token, { ends: performance.now() + livesSeconds * 1000, era: credentials.era() });
      return token;
    },
    accepts(token) {
      const found = issued.get(token);
      return found !== undefined && found.era === credentials.era() && performance.now() < found.ends;
    },
  };
}
