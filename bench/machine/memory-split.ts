import { readFileSync } from 'node:fs';

/** Resident memory of a process in MB, by what it is for. The first five are all of it. */
export type MemorySplit = {
  /** Node's own program: its code, and data that it has not changed. Processes of one machine share these pages. */
  program: number;
  /** Libraries and other mapped files. */
  files: number;
  /** What C and C++ code has allocated in small pieces (brk). */
  brk: number;
  stack: number;
  /** Everything else: V8's heap and code, glibc's arenas of threads, WebAssembly, large buffers. */
  anonymous: number;
};

const KINDS: readonly (readonly [keyof MemorySplit, RegExp])[] = [
  ['brk', /^\[heap\]$/],
  ['stack', /^\[stack/],
  ['program', /\/node$/],
  ['files', /^\//],
];

/** Reads where the resident memory of a process is; null when it is gone or the system has no /proc (macOS). */
export function memorySplitOf(pid: number): MemorySplit | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/smaps`, 'utf8');
  } catch {
    return null;
  }
  const split: MemorySplit = { program: 0, files: 0, brk: 0, stack: 0, anonymous: 0 };
  let kind: keyof MemorySplit = 'anonymous';
  for (const line of text.split('\n')) {
    // A mapping begins with its addresses: proc_pid_smaps(5).
    const mapping = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+\s*(.*)$/.exec(line);
    if (mapping !== null)
      kind = KINDS.find(([, pattern]) => pattern.test(mapping[1] ?? ''))?.[0] ?? 'anonymous';
    const resident = /^Rss:\s+(\d+) kB/.exec(line);
    if (resident !== null) split[kind] += Number(resident[1]) / 1024;
  }
  return split;
}
