import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** Reads a secret from a file that only its owner can read; creates the secret on the first call. */
function keepSecret(file: string, make: () => string): string {
  if (!existsSync(file)) writeFileSync(file, `${make()}\n`, { mode: 0o600, flag: 'wx' });
  return readFileSync(file, 'utf8').trim();
}

/**
 * Reads or creates the keys that seal EMR credentials and webhook secrets, in the format of `ENCRYPTION_KEYS`. If the file is
 * lost, sealed values in the database cannot be opened any more.
 */
export function keepEncryptionKeys(file: string): string {
  return keepSecret(file, () => `local:${randomBytes(32).toString('base64')}`);
}

/** Reads or creates the secret that signs the demo endpoint's webhooks and with which the inbox verifies them. */
export function keepWebhookSecret(file: string): string {
  return keepSecret(file, () => `whsec_${randomBytes(32).toString('base64')}`);
}
