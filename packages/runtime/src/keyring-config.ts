import { readFileSync } from 'node:fs';
import { Type } from '@sinclair/typebox';
import { ConfigError } from './config.ts';
import { type Keyring, parseKeyring } from './sealing.ts';

/** The variables that `readKeyring` reads. A config.ts spreads them into its `environment`; one of the two must be set. */
export const keyringVariables = {
  ENCRYPTION_KEYS: Type.Optional(
    Type.String({
      description:
        'keys that seal credentials and webhook secrets: id:base64 of 32 bytes, separated by commas, the current one first',
    }),
  ),
  ENCRYPTION_KEYS_FILE: Type.Optional(
    Type.String({
      description:
        'a file with the keys, in place of ENCRYPTION_KEYS, separated by commas or one on each line',
    }),
  ),
};

export type KeyringVariables = {
  ENCRYPTION_KEYS?: string | undefined;
  ENCRYPTION_KEYS_FILE?: string | undefined;
};

function textOf({ ENCRYPTION_KEYS, ENCRYPTION_KEYS_FILE }: KeyringVariables): { text: string; from: string } {
  if (ENCRYPTION_KEYS !== undefined && ENCRYPTION_KEYS_FILE !== undefined) {
    throw new ConfigError('ENCRYPTION_KEYS and ENCRYPTION_KEYS_FILE are both set; give one of them.');
  }
  if (ENCRYPTION_KEYS !== undefined) return { text: ENCRYPTION_KEYS, from: 'ENCRYPTION_KEYS' };
  if (ENCRYPTION_KEYS_FILE === undefined) {
    throw new ConfigError(
      'ENCRYPTION_KEYS is not set. ENCRYPTION_KEYS, or a file named by ENCRYPTION_KEYS_FILE: the keys that seal ' +
        'credentials and webhook secrets, as id:base64 of 32 bytes, the current one first.',
    );
  }
  try {
    const lines = readFileSync(ENCRYPTION_KEYS_FILE, 'utf8').split('\n');
    const text = lines.flatMap((line) => (line.trim() === '' ? [] : line.trim().replace(/,$/, ''))).join(',');
    return { text, from: 'ENCRYPTION_KEYS_FILE' };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new ConfigError(`ENCRYPTION_KEYS_FILE names a file that cannot be read (${code}).`, {
      cause: error,
    });
  }
}

/**
 * Reads the keys from the environment or from a file. No process that needs keys starts without at least one.
 *
 * @throws ConfigError saying which variable is missing or wrong, or that both are set. Keys are never quoted.
 */
export function readKeyring(env: KeyringVariables): Keyring {
  const { text, from } = textOf(env);
  try {
    return parseKeyring(text);
  } catch (error) {
    throw new ConfigError(`${from} cannot be used: ${(error as Error).message}.`, { cause: error });
  }
}
