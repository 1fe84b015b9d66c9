import type { LogFields, Logger } from '@emr-payments/runtime';

export type CollectedLine = LogFields & { level: 'debug' | 'info' | 'warn' | 'error'; message: string };

/** A logger that keeps its lines for a test. */
export function collectLog(): { logger: Logger; lines: CollectedLine[]; of(level: string): CollectedLine[] } {
  const lines: CollectedLine[] = [];
  const at = (level: CollectedLine['level']) => (fields: LogFields, message: string) => {
    lines.push({ ...fields, level, message });
  };
  return {
    logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    lines,
    of: (level) => lines.filter((line) => line.level === level),
  };
}
