import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { print } from '@emr-payments/runtime';
import { postgresConfig } from '@emr-payments/runtime/postgres';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import * as engineModule from '@prisma/schema-engine-wasm/schema_engine_bg';
import { Pool } from 'pg';
import { prismaFiles } from './prisma-files.ts';
import { APPLICATION_NAME, amongThree, prepareSession } from './session.ts';

/** Node provides WebAssembly, but its types leave the declaration to the DOM's. */
declare const WebAssembly: {
  instantiate(wasm: Buffer, imports: object): Promise<{ instance: { exports: Record<string, unknown> } }>;
};

/** Runs the text of one migration. */
export type RunScript = (script: string) => Promise<void>;

/**
 * Hands a migration over whole. The driver adapter 7.10.0 would cut it at every semicolon, also inside a function's body, and
 * run the pieces one by one.
 */
class ScriptwiseFactory extends PrismaPg {
  readonly #runScript: RunScript;

  constructor(pool: Pool, runScript: RunScript) {
    super(pool);
    this.#runScript = runScript;
  }

  override async connect() {
    const adapter = await super.connect();
    adapter.executeScript = this.#runScript;
    return adapter;
  }
}

let loading: Promise<void> | undefined;

async function loadEngine(): Promise<void> {
  // The engine hands the message of a panic to this hook before it traps.
  Object.assign(globalThis, {
    PRISMA_WASM_PANIC_REGISTRY: { set_message: (message: string) => print('stderr', `${message}\n`) },
  });
  const wasmFile = join(
    dirname(createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm')),
    'schema_engine_bg.wasm',
  );
  const { instance } = await WebAssembly.instantiate(await readFile(wasmFile), {
    './schema_engine_bg.js': engineModule,
  });
  engineModule.__wbg_set_wasm(instance.exports);
  const start = instance.exports.__wbindgen_start as () => void;
  start();
}

/**
 * Runs Prisma's own schema engine, as WebAssembly from npm: the native one is a download outside any package registry.
 * This uses hooks that Prisma keeps private; why, and the way out: docs/decisions/0008-schema-engine.md.
 *
 * @param input.url the database that the engine works on.
 * @param input.runScript runs the migrations; what it throws, the engine records as the migration's failure.
 */
export async function withSchemaEngine<T>(
  { url, runScript }: { url: string; runScript: RunScript },
  work: (engine: engineModule.SchemaEngine) => Promise<T>,
): Promise<T> {
  loading ??= loadEngine();
  await loading;
  const pool = new Pool({
    ...postgresConfig({ url }),
    application_name: APPLICATION_NAME,
    onConnect: prepareSession,
  });
  pool.on('error', () => undefined);
  try {
    // Where the engine cannot connect, it says no more than "External error": so a connection is tried first.
    (await amongThree(pool.connect())).release();
    const adapter = bindMigrationAwareSqlAdapterFactory(new ScriptwiseFactory(pool, runScript));
    const datamodels: [string, string][] = [['schema.prisma', await readFile(prismaFiles.schema, 'utf8')]];
    return await work(await engineModule.SchemaEngine.new({ datamodels }, () => undefined, adapter));
  } finally {
    await pool.end();
  }
}
