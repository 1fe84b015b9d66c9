import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

// Loaded into a process by `--import`: writes the URL of each module into the file that is named in its own URL, when it is loaded.

const file = fileURLToPath(new URL(import.meta.url).searchParams.get('into') ?? '');
let builtins = 0;

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    // Node loads parts of itself without asking a hook.
    const own = process.moduleLoadList.slice(builtins);
    builtins += own.length;
    appendFileSync(file, `${[url, ...own].join('\n')}\n`);
    return loaded;
  },
});

declare global {
  namespace NodeJS {
    interface Process {
      /** The parts of Node that are loaded. Not documented. */
      readonly moduleLoadList: readonly string[];
    }
  }
}
