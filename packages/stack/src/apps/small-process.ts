import { join } from 'node:path';

const COMPILED = join(import.meta.dirname, '..', '..', '..', '..', 'node_modules', '.cache', 'compiled');

/**
 * The environment with which a process stays small and starts fast (docs/performance-notes.md has the numbers; the Dockerfile says
 * the same):
 *
 * - Node takes what memory the machine has, and its heap grows to ten times what is alive, unless it is told how much.
 * - glibc keeps a pool of memory for each thread, up to eight a processor; two are enough for what Node's threads do.
 * - What Node has once made of the TypeScript it need not make again: half the time to start, and some 15 MB.
 */
export const SMALL_PROCESS = {
  NODE_OPTIONS: '--max-semi-space-size=4 --max-old-space-size=256',
  MALLOC_ARENA_MAX: '2',
  NODE_COMPILE_CACHE: COMPILED,
} as const;
