import type { Actor, Database } from '@emr-payments/db';
import type { ServiceSettings } from '@emr-payments/operations';
import type { SandboxHosts } from '@emr-payments/outbound';
import type { Keyring, Shares } from '@emr-payments/runtime';
import type { FastifyRequest } from 'fastify';
import type { CostlyReads } from '../bulkheads/costly-reads.ts';
import { operatorOf } from '../http/operator-caller.ts';
import { sourceOf } from '../http/source.ts';
import type { Limits } from '../limits.ts';

/** Dependencies of every route of the operator's API. */
export type OperatorDeps = {
  database: Database;
  keyring: Keyring;
  sandboxHosts: SandboxHosts;
  /** The beginning of the addresses of the connect page; undefined where this API has none. */
  publicUrl: string | undefined;
  /** The places of the pool, of which each key has a share. */
  shares: Shares;
  /** Calls to EMRs, which hold no place of the pool. */
  trials: Shares;
  costly: CostlyReads;
  limits: Limits;
  readSettings: () => ServiceSettings;
};

/** Names the key in the audit log as the author of a request's changes. */
export function actorOf(request: FastifyRequest): Actor {
  return { actor: `operator:${operatorOf(request).keyId}`, source: sourceOf(request) };
}
