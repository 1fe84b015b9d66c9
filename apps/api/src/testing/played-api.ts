import type { Database } from '@emr-payments/db';
import { openCredentials } from '@emr-payments/db';
import { createAdapters, localAdapterDeps } from '@emr-payments/emr';
import type { Keyring, Logger, Shares } from '@emr-payments/runtime';
import type { FastifyInstance } from 'fastify';
import { type AppDeps, buildApp } from '../app.ts';
import { noInfrastructure } from '../publish/text.ts';

/** The parts that each process of the API opens for itself. */
export type ApiProcess = Pick<AppDeps, 'acceptor'> & { database: Pick<Database, 'pool'>; writes: Shares };

/**
 * Builds an app that takes payments and decisions about them. To build one takes longer than to play a schedule with it: so it serves one process
 * after the other.
 *
 * @param deps.present returns the process that runs now.
 */
export function buildAppOf({
  present,
  ...deps
}: Pick<AppDeps, 'lookup'> & {
  logger: Logger;
  keyring: Keyring;
  present(): ApiProcess;
}): Promise<FastifyInstance> {
  const { keyring } = deps;
  const nothing = noInfrastructure();
  const adapters = createAdapters({
    ...localAdapterDeps(),
    credentialsOf: (sealed) => openCredentials(keyring, sealed),
    refusal: () => null,
  });
  return buildApp({
    ...nothing,
    ...deps,
    acceptor: { accept: (input) => present().acceptor.accept(input) },
    adapters: async () => adapters,
    webhooks: {
      ...nothing.webhooks,
      keyring,
      writes: { run: (owner, work) => present().writes.run(owner, work) },
      database: {
        get pool() {
          return present().database.pool;
        },
      },
    },
  });
}
