import { type Database, listBrokenConnections, listConnectionSettings } from '@emr-payments/db';
import { adapterDescriptions, canonicalAdapterName, usesPlainHttp } from '@emr-payments/emr';
import { counted } from '@emr-payments/runtime';
import type { Finding } from './finding.ts';

/** Most users that the finding names. */
const NAMED_USERS = 5;

/**
 * Names the users for whose EMR a setting counts that nobody gave and no check has read, such as whether it honours a
 * conditional create. Version 0.1.0 took it for true.
 */
export async function checkConnections({ database }: { database: Database }): Promise<Finding> {
  const connections = await listConnectionSettings({ database });
  const unread = connections.filter(({ adapter, settings }) => {
    const name = canonicalAdapterName(adapter);
    const description = adapterDescriptions.find((each) => each.name === name);
    return description?.settings.some(
      (field) => field.unread !== undefined && !Object.hasOwn(settings, field.name),
    );
  });
  if (unread.length === 0) return { state: 'ok', found: 'what each EMR can do is known' };
  return {
    state: 'warn',
    found: `what the EMR of ${namesOf(unread)} can do was never read; run user check for each`,
  };
}

function namesOf(connections: readonly { userPublicId: string }[]): string {
  const named = connections.slice(0, NAMED_USERS).map(({ userPublicId }) => userPublicId);
  const more = connections.length > named.length ? ` and ${connections.length - named.length} more` : '';
  return `${named.join(', ')}${more}`;
}

/** Names the users whose EMR is at a plain http address on another machine: patients' data and credentials can be read on the way. */
export async function checkEncryption({ database }: { database: Database }): Promise<Finding> {
  const connections = await listConnectionSettings({ database });
  const plain = connections.filter(({ baseUrl, settings }) => usesPlainHttp({ baseUrl, settings }));
  if (plain.length === 0)
    return { state: 'ok', found: 'every EMR is reached over https, or on this machine' };
  return {
    state: 'warn',
    found: `the EMR of ${namesOf(plain)} is reached over plain http: what is sent can be read on the way; give it an https address`,
  };
}

/** Names the users over whose connection nothing is posted now, with what waits. */
export async function checkHealth({ database }: { database: Database }): Promise<Finding> {
  const broken = await listBrokenConnections({ database });
  if (broken.length === 0) return { state: 'ok', found: 'no connection is broken' };
  const waiting = broken.reduce((sum, one) => sum + one.waiting, 0);
  const logins = broken.filter(({ state }) => state === 'login_required');
  const away = broken.filter(({ state }) => state === 'unreachable');
  const parts = [
    ...(logins.length === 0
      ? []
      : [`the EMR rejects the login of ${namesOf(logins)}: give new credentials with user connect --user`]),
    ...(away.length === 0 ? [] : [`the EMR of ${namesOf(away)} cannot be reached`]),
  ];
  return {
    state: 'warn',
    found: `${parts.join('; ')}; ${counted(waiting, { one: 'payment waits', many: 'payments wait' })}`,
  };
}
