import { LRUCache } from 'lru-cache';
import type { EmrConnection } from './adapter.ts';
import type { TokenSources } from './adapter-deps.ts';

/** A shorter text is no secret, and would be found in words that have nothing to do with it. */
const LEAST_LENGTH = 4;
/** Tokens that a connection may use at one time: those of requests under way, which began before it was renewed. */
const MAX_TOKENS = 8;
/** The mark of a text that was cut (`clip`). */
const CUT = '…';

export type KnownSecrets = {
  /** The same tokens, each remembered from when it is given to a request. */
  tokens: TokenSources;
  /** Takes the secrets out of words of an EMR, also where they were cut in the middle of one. */
  without(words: string): string;
};

/**
 * Knows what a connection proves itself with: its credentials and the tokens that were got for them. An EMR may repeat them in its
 * words. The answer itself is left as it is: it is evidence, and a token may be a text that it holds for another reason.
 */
export function knownSecrets(
  { credentials }: Pick<EmrConnection, 'credentials'>,
  tokens: TokenSources,
): KnownSecrets {
  const given = new LRUCache<string, true>({ max: MAX_TOKENS });
  return {
    tokens: {
      of(grant) {
        const source = tokens.of(grant);
        return {
          async get(call) {
            const got = await source.get(call);
            if ('token' in got) given.set(got.token, true);
            return got;
          },
        };
      },
    },
    without(words) {
      return [...given.keys(), ...Object.values(credentials)]
        .filter((secret) => secret.length >= LEAST_LENGTH)
        .sort((a, b) => b.length - a.length)
        .reduce(takeOut, words);
    },
  };
}

function takeOut(words: string, secret: string): string {
  const whole = words.replaceAll(secret, '[credential]');
  const cut = whole.indexOf(CUT);
  if (cut === -1) return whole;
  for (let length = Math.min(secret.length - 1, cut); length >= LEAST_LENGTH; length -= 1) {
    const part = `${secret.slice(0, length)}${CUT}`;
    if (whole.includes(part)) return whole.replaceAll(part, `[credential]${CUT}`);
  }
  return whole;
}
