import type { Logger } from './logger.ts';
import type { TracingConfig } from './tracing-config.ts';

/** A process that records spans, or one that does not. */
export type Tracing = { close(): Promise<void> };

/** Starts to record spans, where they are configured. Otherwise nothing of OpenTelemetry's SDK is loaded. */
export async function openTracing(
  { logger }: { logger: Logger },
  { service, config }: { service: string; config: TracingConfig | null | undefined },
): Promise<Tracing> {
  if (config == null) return { close: async () => undefined };
  const { startTracing } = await import('./tracing-otel.ts');
  return startTracing({ logger }, { service, config });
}
