import { gatherLines, type Lines } from './gathered-lines.ts';
import { createLogLine } from './log-line.ts';
import { activeSpan, traceFields } from './tracing.ts';

/**
 * The only fields that a log line may have, apart from level, time, name, process id and message. The type refuses any other, so
 * bodies, signatures, MRNs and tokens cannot be logged, and no redaction can be forgotten. A field without a value is left out.
 */
export type LogFields = {
  request_id?: string;
  client_id?: string | undefined;
  user_id?: string | undefined;
  /** Id of an operator key, never its secret. */
  operator_key?: string | undefined;
  /** Address that a request came from. */
  source?: string;
  payment_id?: string | undefined;
  job_id?: string | number | undefined;
  event_id?: string;
  event_type?: string;
  endpoint_id?: string;
  delivery_id?: string | number;
  recovery_id?: string;
  lane_id?: number;
  attempt?: number;
  fence?: number;
  adapter?: string;
  outcome?: string;
  code?: string | undefined;
  /** A sentence of our code for the operator, such as which key is missing. Never text from an EMR, a receiver or a request. */
  reason?: string;
  same_answers?: number;
  method?: string;
  route?: string | undefined;
  status?: number;
  duration_ms?: number;
  retry_in_ms?: number;
  count?: number;
  queue?: string;
  backend?: string;
  port?: number;
  health_port?: number;
  signal?: string;
  /** Of the span under which the line was written, where traces are on: it is added to every line. */
  trace_id?: string;
  span_id?: string;
  err?: unknown;
};

export type Logger = {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
};

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Causes that a line shows: an error may be its own cause, or the cause of its cause. */
const MOST_CAUSES = 8;

/** Keeps an error's class, code and stack, and drops its message, which may quote a row or a request body. */
function safeError(error: unknown, causes = MOST_CAUSES): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const { name, cause, code } = error as Error & { code?: unknown };
  return {
    type: name,
    ...(typeof code === 'string' ? { code } : {}),
    stack: placesOf(error),
    ...(cause === undefined || causes === 0 ? {} : { cause: safeError(cause, causes - 1) }),
  };
}

/** The lines of the stack that name a place in code. The stack begins with the message, whose lines can look the same. */
function placesOf({ stack, message }: Error): string | undefined {
  if (typeof stack !== 'string') return undefined;
  return stack
    .replace(message, () => '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 8)
    .join('\n');
}

let stdout: Lines | undefined;

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
const ignore = (): void => undefined;

/** Adds the ids of the active span, by which a line is found from a trace. */
function traced(fields: LogFields): LogFields {
  const span = activeSpan();
  return span === undefined ? fields : { ...traceFields(span), ...fields };
}

/** False while this process cannot write its log. */
export const isLogWritten = (): boolean => stdout?.areWritten() ?? true;

/** Creates a logger that writes JSON lines to standard output. `name` is the process: api, worker, … */
export function createLogger(name: string, level: LogLevel = 'info'): Logger {
  const lineOf = createLogLine({ name, pid: process.pid, errorOf: (error) => safeError(error) });
  stdout ??= gatherLines({
    afterDropping: (count) => lineOf('warn', { count }, 'log lines were dropped: they could not be written'),
  });
  const lines = stdout;
  const least = level === 'silent' ? LEVELS.length : LEVELS.indexOf(level);
  const writer = (own: (typeof LEVELS)[number]) =>
    LEVELS.indexOf(own) < least
      ? ignore
      : (fields: LogFields, message: string): void => lines.write(lineOf(own, traced(fields), message));
  return { debug: writer('debug'), info: writer('info'), warn: writer('warn'), error: writer('error') };
}
