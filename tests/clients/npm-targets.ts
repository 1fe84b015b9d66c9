import { join } from 'node:path';
import type { Command } from './commands.ts';
import type { Target } from './target.ts';

// Generators from npm: they are devDependencies, so they run everywhere and in CI.

const bin = (name: string) => join(import.meta.dirname, '..', 'node_modules', '.bin', name);
const ROOT_MODULES = join(import.meta.dirname, '..', '..', 'node_modules');
const TSC = join(ROOT_MODULES, '.bin', 'tsc');

/** Checks the types strictly, and writes CommonJS, which takes imports without an extension. */
export const compileTypeScript = (...files: string[]): Command => [
  TSC,
  ...[
    '--module',
    'commonjs',
    '--moduleResolution',
    'bundler',
    '--target',
    'es2022',
    '--lib',
    'es2023,dom,dom.iterable',
  ],
  ...[
    '--strict',
    '--noUncheckedIndexedAccess',
    '--skipLibCheck',
    '--typeRoots',
    join(ROOT_MODULES, '@types'),
    '--types',
    'node',
    '--outDir',
    'out',
    '--rootDir',
    '.',
  ],
  ...files,
];

export const COMMON_JS = { 'package.json': '{"type": "commonjs"}' };

export const NPM_TARGETS: readonly Target[] = [
  {
    name: 'openapi-typescript with openapi-fetch',
    operator: true,
    needs: ['node'],
    get: 'It comes with pnpm install.',
    build: ({ document }) => ({
      story: ['openapi-fetch.ts', 'story.ts'],
      files: COMMON_JS,
      generate: [[bin('openapi-typescript'), document, '--output', 'payments.d.ts']],
      compile: [compileTypeScript('story.ts', 'payments.d.ts')],
      start: ['node', 'out/story.js'],
    }),
  },
  {
    name: 'hey-api openapi-ts',
    operator: true,
    needs: ['node'],
    get: 'It comes with pnpm install.',
    build: ({ document }) => ({
      story: ['hey-api.ts', 'story.ts'],
      files: COMMON_JS,
      generate: [[bin('openapi-ts'), '--input', document, '--output', 'client', '--silent']],
      compile: [compileTypeScript('story.ts')],
      start: ['node', 'out/story.js'],
    }),
  },
  {
    name: 'orval with fetch and zod',
    needs: ['node'],
    get: 'It comes with pnpm install.',
    build: ({ document, baseUrl }) => {
      const output = (target: string, client: string) => ({ target, client, mode: 'single', baseUrl });
      const config = {
        client: { input: document, output: output('./payments.ts', 'fetch') },
        schemas: { input: document, output: output('./payments.zod.ts', 'zod') },
      };
      return {
        story: ['orval.ts', 'story.ts'],
        files: { ...COMMON_JS, 'orval.config.mjs': `export default ${JSON.stringify(config)};\n` },
        generate: [[bin('orval'), '--config', 'orval.config.mjs']],
        compile: [compileTypeScript('story.ts')],
        start: ['node', 'out/story.js'],
      };
    },
  },
];
