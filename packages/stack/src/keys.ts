import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** A secret that is made once and kept in a file that only its owner reads. */
function keepSecret(file: string, make: () => string): string {
  if (!existsSync(file)) writeFileSync(file, `${make()}\n`, { mode: 0o600, flag: 'wx' });
  return readFileSync(file, 'utf8').trim();
}

/**
 * The keys that seal EMR credentials and webhook secrets, as `ENCRYPTION_KEYS` takes them. Without them what was
 * sealed cannot be opened again.
 */
export function keepEncryptionKeys(file: string): string {
  return keepSecret(file, () => `local:${randomBytes(32).toString('base64')}`);
}

/** The secret that signs the demo endpoint's webhooks: the inbox verifies with it. */
export function keepWebhookSecret(file: string): string {
  return keepSecret(file, () => `whsec_${randomBytes(32).toString('base64')}`);
}
