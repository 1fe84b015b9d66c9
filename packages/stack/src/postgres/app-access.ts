import { createHmac } from 'node:crypto';
import type { AppRole } from '@emr-payments/db';

/** The role that the service runs as, and the URL with which it connects. */
export type AppAccess = { role: AppRole & { password: string }; url: string };

/**
 * Derives the service's access to a local server from the owner's: the role `app`, with a password that all stacks on the
 * same server agree on, because a role belongs to the whole server.
 *
 * @param ownerUrl with the owner's password.
 */
export function appAccess(ownerUrl: string): AppAccess {
  const url = new URL(ownerUrl);
  const name = 'app';
  const password = createHmac('sha256', url.password).update(name).digest('hex');
  url.username = name;
  url.password = password;
  return { role: { name, password }, url: url.href };
}
