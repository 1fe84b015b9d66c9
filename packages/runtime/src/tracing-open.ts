import type { Logger } from './logger.ts';
import type { TracingConfig } from './tracing-config.ts';

/** A process that records spans, or one that does not. */
export type Tracing = { close(): Promise<void> };

/**
 * Starts to record spans, where they are configured. Otherwise nothing of OpenTelemetry's SDK is loaded.
 *
 * @param input.unread variables that the operator has set for traces and that nothing reads: they are logged.
 */
export async function openTracing(
  { logger }: { logger: Logger },
  input: {
    service: string;
    config: TracingConfig | null | undefined;
    unread?: readonly string[] | undefined;
  },
): Promise<Tracing> {
  const { service, config, unread = [] } = input;
  if (unread.length > 0) {
    const reason = `${unread.join(', ')}: docs/tracing.md lists those that are read.`;
    logger.warn({ reason }, 'variables of OpenTelemetry are set that this service does not read');
  }
  if (config == null) return { close: async () => undefined };
  const { startTracing } = await import('./tracing-otel.ts');
  return startTracing({ logger }, { service, config });
}
