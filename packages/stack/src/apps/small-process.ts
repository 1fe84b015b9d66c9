/**
 * Environment variables that keep a Node process small. docs/performance-notes.md has the measurements; the
 * Dockerfile sets the same values.
 *
 * - NODE_OPTIONS limits the heap. Without a limit Node sizes it by the machine's memory, and it grows to ten times
 *   the live data.
 * - MALLOC_ARENA_MAX limits glibc's memory pools. The default is up to eight per processor; Node's threads need two.
 */
export const SMALL_PROCESS = {
  NODE_OPTIONS: '--max-semi-space-size=4 --max-old-space-size=256',
  MALLOC_ARENA_MAX: '2',
} as const;
