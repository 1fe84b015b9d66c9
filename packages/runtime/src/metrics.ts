import { collectDefaultMetrics, Registry } from 'prom-client';

/** The media type of what `text()` gives. */
export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/**
 * A registry of its own for one process, with Node's default metrics. Labels are for small closed sets only (an
 * outcome, an adapter, a kind): never an id, a tenant or a URL.
 */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

export type { Registry };
