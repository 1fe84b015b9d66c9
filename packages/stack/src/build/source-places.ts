import { readFile, realpath } from 'node:fs/promises';
import { dirname, extname, relative } from 'node:path';
import type { Loader, OnLoadResult, Plugin } from 'esbuild';
import { ROOT } from './built.ts';

/**
 * Prisma is loaded at its first use, from its own files, and accepts only a pool whose class it has itself. So both use those files.
 */
const SHARED_WITH_PRISMA = /^pg$/;

const fromBuilt = (path: string): string => `../${relative(ROOT, path)}`;

/**
 * The beginning of each built file. It has a `require`, which CommonJS modules call for Node's own modules, and functions that tell where
 * a source is: a CommonJS module cannot use `import.meta`.
 */
export const FILE_START = `import { createRequire as __createRequire } from 'node:module';
import { fileURLToPath as __pathOf } from 'node:url';
const __urlOf = (path) => new URL(path, import.meta.url);
const require = __createRequire(import.meta.url);`;

/** The expression of a file's URL. */
const urlOf = (path: string): string => `__urlOf(${JSON.stringify(fromBuilt(path))})`;

/** The same as an absolute path. */
const pathOf = (path: string): string => `__pathOf(${urlOf(path)})`;

/** In a CommonJS module these are variables, and a package may test whether they exist. */
const COMMON_JS = /\b__(?:dirname|filename)\b/;
const PLACES = /\bimport\.meta\.(?:url|dirname|filename)\b/g;

function withPlaces(source: string, path: string): string {
  const common = COMMON_JS.test(source) && !/^\s*(?:var|const|let) __(?:dirname|filename)\b/m.test(source);
  const variables = common ? `var __filename = ${pathOf(path)}, __dirname = ${pathOf(dirname(path))};` : '';
  return (
    variables +
    source.replace(PLACES, (place) => {
      if (place.endsWith('.url')) return `${urlOf(path)}.href`;
      return pathOf(place.endsWith('.dirname') ? dirname(path) : path);
    })
  );
}

async function load(path: string): Promise<OnLoadResult | undefined> {
  const source = await readFile(path, 'utf8');
  if (/\bimport\.meta\.resolve\b/.test(source))
    return {
      errors: [
        { text: `${path}: import.meta.resolve looks from dist/; use createRequire(import.meta.url).resolve` },
      ],
    };
  const contents = withPlaces(source, path);
  if (contents === source) return undefined;
  return { contents, loader: (extname(path) === '.ts' ? 'ts' : 'js') satisfies Loader };
}

/** A module of `dist/` finds the files beside its source: pages, documents, migrations, WebAssembly. */
export const sourcePlaces: Plugin = {
  name: 'source-places',
  setup(build) {
    build.onLoad({ filter: /\.(?:ts|[cm]?js)$/, namespace: 'file' }, ({ path }) => load(path));
    build.onResolve({ filter: SHARED_WITH_PRISMA }, async ({ path, pluginData, ...from }) => {
      if (pluginData === sourcePlaces) return undefined;
      const found = await build.resolve(path, { ...from, pluginData: sourcePlaces });
      if (found.errors.length > 0) return { errors: found.errors };
      return { path: fromBuilt(await realpath(found.path)), external: true };
    });
  },
};
