import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BUILT } from '@emr-payments/stack';

/** The bundler names each module in a line before it. */
const NAMED = /^\/\/ ((?:apps|packages|node_modules)\/\S+)$/;

/**
 * Returns which module a line of code comes from.
 *
 * @param at.url of the file; one that is not in `dist/` is a module itself.
 * @param at.lineNumber counted from 0, as in a CPU profile.
 * @returns `/` and the module's path below the root, or the URL.
 */
export function createModuleAt(): (at: { url: string; lineNumber: number }) => string {
  const names = new Map<string, (string | undefined)[]>();
  const namesIn = (file: string) => {
    let found: string | undefined;
    return readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => {
        found = NAMED.exec(line)?.[1] ?? found;
        return found;
      });
  };
  return ({ url, lineNumber }) => {
    if (!url.startsWith('file:') || dirname(fileURLToPath(url)) !== BUILT) return url;
    const known = names.get(url) ?? namesIn(fileURLToPath(url));
    names.set(url, known);
    const name = known[lineNumber];
    return name === undefined ? url : `/${name}`;
  };
}
