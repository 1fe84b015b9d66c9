import { Type } from '@sinclair/typebox';
import { ConfigError } from './config.ts';
import { type Keyring, parseKeyring } from './sealing.ts';

/** The variable that `readKeyring` reads. A config.ts spreads it into its `environment`. */
export const keyringVariables = {
  ENCRYPTION_KEYS: Type.Optional(
    Type.String({
      secret: true,
      description:
        'keys that seal credentials and webhook secrets: id:base64 of 32 bytes, separated by commas or line ends, the current one first',
    }),
  ),
};

/**
 * Parses the encryption keys of a configuration. No process that needs keys starts without at least one.
 *
 * @throws ConfigError saying that they are missing or wrong. Keys are never quoted.
 */
export function readKeyring({ ENCRYPTION_KEYS }: { ENCRYPTION_KEYS?: string | undefined }): Keyring {
  if (ENCRYPTION_KEYS === undefined) {
    throw new ConfigError(
      'ENCRYPTION_KEYS is not set. ENCRYPTION_KEYS, or a file named by ENCRYPTION_KEYS_FILE: the keys that seal ' +
        'credentials and webhook secrets, as id:base64 of 32 bytes, the current one first.',
    );
  }
  try {
    return parseKeyring(ENCRYPTION_KEYS);
  } catch (error) {
    throw new ConfigError(`ENCRYPTION_KEYS cannot be used: ${(error as Error).message}.`, { cause: error });
  }
}
