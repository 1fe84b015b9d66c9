import { pino, stdTimeFunctions } from 'pino';
import { gatherLines, type Lines } from './gathered-lines.ts';

/**
 * The only fields that may stand in a log line beside pino's own. A log call cannot name another one, so bodies,
 * signatures, MRNs, tokens and the like have no way in. Types enforce it; there is no redaction to forget.
 */
export type LogFields = {
  request_id?: string;
  client_id?: string;
  user_id?: string;
  payment_id?: string;
  job_id?: string | number;
  event_id?: string;
  event_type?: string;
  endpoint_id?: string;
  delivery_id?: string | number;
  lane_id?: number;
  attempt?: number;
  fence?: number;
  adapter?: string;
  outcome?: string;
  code?: string;
  method?: string;
  route?: string;
  status?: number;
  duration_ms?: number;
  retry_in_ms?: number;
  count?: number;
  queue?: string;
  backend?: string;
  port?: number;
  signal?: string;
  err?: unknown;
};

export type Logger = {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
};

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** An error's own words may quote a row or a request body: keep its class, code and where it happened. */
function safeError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const code = (error as { code?: unknown }).code;
  return {
    type: error.name,
    ...(typeof code === 'string' ? { code } : {}),
    stack: error.stack
      ?.split('\n')
      .filter((line) => /^\s+at /.test(line))
      .slice(0, 8)
      .join('\n'),
    ...(error.cause === undefined ? {} : { cause: safeError(error.cause) }),
  };
}

let stdout: Lines | undefined;

/** JSON lines on stdout. `name` is the process: api, worker, … */
export function createLogger(name: string, level: LogLevel = 'info'): Logger {
  stdout ??= gatherLines();
  return pino(
    {
      name,
      level,
      base: { name, pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: safeError },
    },
    stdout,
  );
}
