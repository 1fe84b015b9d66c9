import { randomUUID } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isFound, run } from './commands.ts';
import type { Target } from './target.ts';

const STORIES = join(import.meta.dirname, 'stories');
const MODULES = join(import.meta.dirname, '..', 'node_modules');

export type Credentials = { client_id: string; client_secret: string; access_token: string };
export type TryInput = {
  /** A folder for all targets. */
  folder: string;
  document: string;
  baseUrl: string;
  credentials: Credentials;
};

export type Result =
  | { outcome: 'passed'; seconds: number }
  | { outcome: 'skipped'; missing: readonly string[] }
  | { outcome: 'failed'; at: 'generate' | 'compile' | 'story'; why: string };

const ID = '[0-9a-f]{32}';
/** The lines that every story prints; a receiver must accept fields that it does not know. */
const EXPECTED = new RegExp(
  [
    `^posted (${ID})`,
    'read \\1 350\\.1',
    'listed \\1',
    'refused 400 invalid_field',
    'missing 404 payment_not_found',
    'event payment\\.created 123e4567e89b12d3a456426614174001',
    '$',
  ].join('\n'),
);

/**
 * Generates a client of the document, compiles it, and lets it post a payment, read it, find it in the list, get two typed
 * errors, and parse an event.
 */
export async function tryTarget(target: Target, input: TryInput): Promise<Result> {
  const missing = target.needs.filter((program) => !isFound(program));
  if (missing.length > 0) return { outcome: 'skipped', missing };

  const started = Date.now();
  const folder = join(input.folder, target.name.replaceAll(/[^a-z]+/gi, '-'));
  const tools = join(input.folder, 'tools');
  for (const each of [folder, tools]) mkdirSync(each, { recursive: true });
  const document = join(folder, 'openapi.json');
  writeFileSync(document, input.document);
  if (!existsSync(join(folder, 'node_modules'))) symlinkSync(MODULES, join(folder, 'node_modules'));
  const build = target.build({ folder, document, tools, baseUrl: input.baseUrl });

  let at: 'generate' | 'compile' | 'story' = 'generate';
  try {
    writeFiles(folder, build.files ?? {});
    for (const command of build.generate) await run(command, { folder });
    at = 'compile';
    // Generators write some of these files too.
    writeFiles(folder, build.files ?? {});
    const [from, to] = build.story;
    mkdirSync(dirname(join(folder, to)), { recursive: true });
    copyFileSync(join(STORIES, from), join(folder, to));
    for (const command of build.compile) await run(command, { folder });
    at = 'story';
    const printed = await run(build.start, { folder, env: environment(input) });
    if (!EXPECTED.test(printed)) throw new Error(`it printed:\n${printed}`);
    return { outcome: 'passed', seconds: Math.round((Date.now() - started) / 1000) };
  } catch (error) {
    return { outcome: 'failed', at, why: error instanceof Error ? error.message : String(error) };
  }
}

/** Writes files by name. A text that is the name of a file in `stories/` stands for its content. */
function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    const file = join(STORIES, text);
    const isName = /^[\w-]+\.[a-z]+$/.test(text) && existsSync(file);
    writeFileSync(join(folder, name), isName ? readFileSync(file) : text);
  }
}

function environment({ document, baseUrl, credentials }: TryInput): Record<string, string> {
  const { webhooks } = JSON.parse(document);
  const { example } = webhooks['payment.created'].post.requestBody.content['application/json'];
  const later = { ...example, added_later: { x: 1 }, data: { ...example.data, sequence: 3 } };
  return {
    BASE_URL: baseUrl,
    CLIENT_ID: credentials.client_id,
    CLIENT_SECRET: credentials.client_secret,
    ACCESS_TOKEN: credentials.access_token,
    REFERENCE: randomUUID(),
    EVENT: JSON.stringify(later),
  };
}
