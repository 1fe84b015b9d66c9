import { createHash, timingSafeEqual } from 'node:crypto';

const hash = (text: string) => createHash('sha256').update(text).digest();

/** The password, key or client secret of the practice, the same in every dialect. It can change while the sandbox runs. */
export type Credentials = {
  /** The secret that callers must prove to know, each dialect in its own way; undefined: any. */
  secret(): string | undefined;
  /** True for the secret, and for any text where there is none. */
  isSecret(given: string): boolean;
  /** Names the logins that are good now: a token is good under the name under which it was given. */
  era(): string;
  state(): 'as started' | 'changed' | 'none';
  /** null: back to the secret of the start, and with it the tokens of then. */
  change(secret: string | null): void;
  /** Ends every login: no token that was given so far is good again. The secret stays. */
  endLogins(): void;
};

export function createCredentials(atStart: string | undefined): Credentials {
  let current = atStart;
  let ended = 0;
  return {
    secret: () => current,
    isSecret: (given) => current === undefined || timingSafeEqual(hash(given), hash(current)),
    era: () => `${ended} ${current ?? ''}`,
    state: () => (current !== atStart ? 'changed' : current === undefined ? 'none' : 'as started'),
    change(secret) {
      current = secret ?? atStart;
    },
    endLogins() {
      ended += 1;
    },
  };
}
