import { readFileSync } from 'node:fs';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

export { addPartGauges } from './metrics-of-parts.ts';
export { addPoolMetrics, type WatchedPool } from './metrics-of-pools.ts';
export { everyMember, fromTheStart } from './metrics-series.ts';
export type { Registry };

/** The media type of the text that a registry's `metrics()` returns. */
export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/** All packages have one version. */
function ownVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

/**
 * Creates a registry for one process, with Node's default metrics (processor time, memory, lag of the event loop, garbage collection) and
 * what the process is. Labels take values from small closed sets only (an outcome, an adapter, a kind): never an id, a tenant or a URL.
 *
 * @param process `api` or `worker`.
 */
export function createRegistry({ process: component }: { process: 'api' | 'worker' }): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'emr_payments_build_info',
    help: 'Always 1: the version of the service, that of Node, and which process it is.',
    labelNames: ['component', 'version', 'node'],
    registers: [registry],
  }).set({ component, version: ownVersion(), node: process.version }, 1);
  return registry;
}
