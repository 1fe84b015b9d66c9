import { hashSecret, newSecret } from '@emr-payments/runtime';
import type { Actor } from '../audit/entry.ts';
import { auditCreate } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';

export type Rotated =
  /** The new secret in clear, returned only here, and until when the one before it stays valid. */
  { outcome: 'rotated'; secret: string; oldUntil: Date } | { outcome: 'not_found' } | { outcome: 'disabled' };

type RotateInput = {
  /** How long the newest old secret stays valid. Older ones end at once: at most two are valid at a time. */
  overlapMs: number;
  by: Actor;
};

/**
 * Gives a client another secret. The client's row is locked first, so that two rotations at once take turns and never more
 * than two secrets are valid.
 */
export async function rotateClientSecret(
  { database }: { database: Database },
  { clientId, overlapMs, by }: RotateInput & { clientId: string },
): Promise<Rotated> {
  const { prisma } = database;
  const client = await prisma.client.findUnique({ where: { clientId } });
  if (client === null) return { outcome: 'not_found' };
  if (client.disabledAt !== null) return { outcome: 'disabled' };
  const secret = newSecret('cs_');
  const oldUntil = new Date(Date.now() + overlapMs);
  await prisma.$transaction([
    prisma.$queryRaw`SELECT id FROM clients WHERE id = ${client.id} FOR UPDATE`,
    prisma.$executeRaw`
      UPDATE client_secrets s SET expires_at = least(s.expires_at, CASE WHEN s.id = newest.id THEN ${oldUntil.toISOString()}::timestamptz ELSE now() END)
        FROM (SELECT max(id) AS id FROM client_secrets
               WHERE client_pk = ${client.id} AND (expires_at IS NULL OR expires_at > now())) AS newest
       WHERE s.client_pk = ${client.id} AND (s.expires_at IS NULL OR s.expires_at > now())`,
    prisma.clientSecret.create({
      data: { clientPk: client.id, secretHash: new Uint8Array(hashSecret(secret)) },
    }),
    auditCreate(
      { database },
      {
        ...by,
        action: 'client.rotate_secret',
        subject: `client:${clientId}`,
        outcome: 'done',
        detail: { old_until: oldUntil.toISOString() },
      },
    ),
  ]);
  return { outcome: 'rotated', secret, oldUntil };
}

/** Gives a user another access token, in the same way as `rotateClientSecret`. */
export async function rotateAccessToken(
  { database }: { database: Database },
  { publicId, overlapMs, by }: RotateInput & { publicId: string },
): Promise<Rotated> {
  const { prisma } = database;
  const user = await prisma.user.findUnique({ where: { publicId } });
  if (user === null) return { outcome: 'not_found' };
  if (user.disabledAt !== null) return { outcome: 'disabled' };
  const secret = newSecret('at_');
  const oldUntil = new Date(Date.now() + overlapMs);
  await prisma.$transaction([
    prisma.$queryRaw`SELECT id FROM users WHERE id = ${user.id} FOR UPDATE`,
    prisma.$executeRaw`
      UPDATE access_tokens t SET expires_at = least(t.expires_at, CASE WHEN t.id = newest.id THEN ${oldUntil.toISOString()}::timestamptz ELSE now() END)
        FROM (SELECT max(id) AS id FROM access_tokens
               WHERE user_id = ${user.id} AND (expires_at IS NULL OR expires_at > now())) AS newest
       WHERE t.user_id = ${user.id} AND (t.expires_at IS NULL OR t.expires_at > now())`,
    prisma.accessToken.create({
      data: { userId: user.id, tokenHash: new Uint8Array(hashSecret(secret)) },
    }),
    auditCreate(
      { database },
      {
        ...by,
        action: 'user.rotate_token',
        subject: `user:${publicId}`,
        outcome: 'done',
        detail: { old_until: oldUntil.toISOString() },
      },
    ),
  ]);
  return { outcome: 'rotated', secret, oldUntil };
}
