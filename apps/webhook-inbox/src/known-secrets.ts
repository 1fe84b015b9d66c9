import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { parseWebhookKey } from '@emr-payments/webhooks';

export type KnownSecrets = {
  current(): readonly string[];
  /** @throws TypeError when one is not a webhook secret; then all stay as they are. */
  replace(secrets: readonly string[]): void;
};

/**
 * Keeps the secrets to verify with. Those that were set while the inbox ran are in a file beside the messages, and replace
 * the configured ones at the next start too.
 */
export function openKnownSecrets(options: {
  configured: readonly string[];
  file?: string | undefined;
}): KnownSecrets {
  const { file } = options;
  let secrets = options.configured;
  if (file !== undefined && existsSync(file)) secrets = JSON.parse(readFileSync(file, 'utf8')) as string[];
  return {
    current: () => secrets,
    replace(next) {
      next.forEach(parseWebhookKey);
      secrets = [...next];
      if (file === undefined) return;
      writeFileSync(`${file}.new`, JSON.stringify(secrets), { mode: 0o600 });
      renameSync(`${file}.new`, file);
    },
  };
}
