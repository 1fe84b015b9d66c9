import { existsSync, readdirSync, readFileSync } from 'node:fs';

export type ProcessUsage = {
  /** Processor time since the process started, user and system. */
  cpuSeconds: number;
  /** How much of it was spent in the kernel. */
  kernelSeconds: number;
  rssMb: number;
  /** The highest resident memory since the process started. */
  peakRssMb: number;
};

/** Linux reports processor time to user space in hundredths of a second, whatever the kernel's own tick is. */
const TICKS_PER_SECOND = 100;

type Stat = { parent: number; own: number; kernel: number; reaped: number };

function statOf(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The process name in parentheses may contain spaces, so fields are counted after it. Numbers as in proc_pid_stat(5).
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const at = (n: number) => fields[n - 3] ?? 0;
    return { parent: at(4), own: at(14) + at(15), kernel: at(15), reaped: at(16) + at(17) };
  } catch {
    return null;
  }
}

/** Reads the processor time and memory of a process; null when the process is gone or the system has no /proc (macOS). */
export function usageOf(pid: number): ProcessUsage | null {
  const stat = statOf(pid);
  if (stat === null) return null;
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024;
  return {
    cpuSeconds: stat.own / TICKS_PER_SECOND,
    kernelSeconds: stat.kernel / TICKS_PER_SECOND,
    rssMb: mb('VmRSS'),
    peakRssMb: mb('VmHWM'),
  };
}

/** Sums the processor seconds of a process and all its children, including children that have ended. */
export function cpuOfTree(pid: number): number {
  if (!existsSync('/proc/self/stat')) return 0;
  let ticks = 0;
  for (const name of readdirSync('/proc')) {
    const child = /^\d+$/.test(name) ? statOf(Number(name)) : null;
    if (child !== null && (child.parent === pid || Number(name) === pid)) ticks += child.own;
    if (child !== null && Number(name) === pid) ticks += child.reaped;
  }
  return ticks / TICKS_PER_SECOND;
}
