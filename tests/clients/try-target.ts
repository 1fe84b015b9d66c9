import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isFound, run } from './commands.ts';
import type { Journey } from './journeys.ts';
import type { Target } from './target.ts';

const MODULES = join(import.meta.dirname, '..', 'node_modules');

export type TryInput = {
  /** A folder for all targets. */
  folder: string;
  baseUrl: string;
  journey: Journey;
};

export type Result =
  | { outcome: 'passed'; seconds: number }
  | { outcome: 'skipped'; missing: readonly string[] }
  | { outcome: 'failed'; at: 'generate' | 'compile' | 'story'; why: string };

/** Generates a client of the journey's document, compiles it, and lets it make the journey. */
export async function tryTarget(target: Target, input: TryInput): Promise<Result> {
  const { journey } = input;
  const missing = target.needs.filter((program) => !isFound(program));
  if (missing.length > 0) return { outcome: 'skipped', missing };

  const started = Date.now();
  const folder = join(input.folder, target.name.replaceAll(/[^a-z]+/gi, '-'));
  const tools = join(input.folder, 'tools');
  for (const each of [folder, tools]) mkdirSync(each, { recursive: true });
  const document = join(folder, 'openapi.json');
  writeFileSync(document, journey.document);
  if (!existsSync(join(folder, 'node_modules'))) symlinkSync(MODULES, join(folder, 'node_modules'));
  const build = target.build({ folder, document, tools, baseUrl: input.baseUrl });

  let at: 'generate' | 'compile' | 'story' = 'generate';
  try {
    writeFiles(journey, folder, build.files ?? {});
    for (const command of build.generate) await run(command, { folder });
    at = 'compile';
    // Generators write some of these files too.
    writeFiles(journey, folder, build.files ?? {});
    const [from, to] = build.story;
    mkdirSync(dirname(join(folder, to)), { recursive: true });
    copyFileSync(join(journey.stories, from), join(folder, to));
    for (const command of build.compile) await run(command, { folder });
    at = 'story';
    const printed = await run(build.start, { folder, env: journey.environment() });
    if (!journey.expected.test(printed)) throw new Error(`it printed:\n${printed}`);
    return { outcome: 'passed', seconds: Math.round((Date.now() - started) / 1000) };
  } catch (error) {
    return { outcome: 'failed', at, why: error instanceof Error ? error.message : String(error) };
  }
}

/** Writes files by name. A text that is the name of a file in `stories/` stands for its content. */
function writeFiles({ stories }: Journey, folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    const file = join(stories, text);
    const isName = /^[\w-]+\.[a-z]+$/.test(text) && existsSync(file);
    writeFileSync(join(folder, name), isName ? readFileSync(file) : text);
  }
}
