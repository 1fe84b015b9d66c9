import { collectDefaultMetrics, Registry } from 'prom-client';

/** The media type of the text that a registry's `metrics()` returns. */
export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/**
 * Creates a registry for one process, with Node's default metrics. Labels take values from small closed sets only (an
 * outcome, an adapter, a kind): never an id, a tenant or a URL.
 */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

export type { Registry };
