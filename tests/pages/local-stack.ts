import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describeStack, freePort, type Stack, startStack } from '@emr-payments/stack';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { ROOT } from './blocks.ts';

export type PageStack = {
  stack: Stack;
  database: TestDatabase;
  /** Where `stack.json` is; the pages write their files there too. */
  folder: string;
  /** The environment of a terminal in which the page is followed. */
  env: Record<string, string>;
  stop(): Promise<void>;
};

/**
 * A fresh local stack as a page's reader has it after `pnpm dev`, in a folder of its own below `.local`: inside the
 * checkout, so that a page's script finds the packages of this repository.
 */
export async function openPageStack(page: string): Promise<PageStack> {
  const local = join(ROOT, '.local');
  mkdirSync(local, { recursive: true });
  const folder = mkdtempSync(join(local, `page-${page}-`));
  const database = await openTestDatabase();
  const stack = await startStack({ folder, databaseUrl: database.url, appUrl: database.appUrl });
  writeFileSync(join(folder, 'stack.json'), JSON.stringify(describeStack(stack)));
  return {
    stack,
    database,
    folder,
    env: {
      PATH: pathOfTerminal(),
      HOME: folder,
      LOCAL_FOLDER: relative(ROOT, folder),
      RECEIVER_PORT: String(await freePort()),
    },
    async stop() {
      await stack.stop();
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A newcomer's PATH: without what pnpm puts in front for a script, `emr-payments` above all. */
function pathOfTerminal(): string {
  const entries = (process.env.PATH ?? '').split(':');
  return entries.filter((entry) => !entry.includes('node_modules')).join(':');
}
