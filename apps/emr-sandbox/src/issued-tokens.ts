import { randomBytes } from 'node:crypto';

export type IssuedTokens = {
  issue(): string;
  /** True for a token that was issued here and has not expired. */
  accepts(token: string): boolean;
};

/** The access tokens of one token endpoint. They live in memory, so a restart ends them, as an EMR may at any time. */
export function createIssuedTokens({ livesSeconds }: { livesSeconds: number }): IssuedTokens {
  const ends = new Map<string, number>();
  return {
    issue() {
      const token = randomBytes(24).toString('base64url');
      ends.set(token, performance.now() + livesSeconds * 1000);
      return token;
    },
    accepts: (token) => performance.now() < (ends.get(token) ?? 0),
  };
}
