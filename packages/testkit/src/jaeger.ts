import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from './free-port.ts';

/** True when Jaeger 2, which is OpenTelemetry's Collector with a store and a query API, is on the PATH. */
export const hasJaeger = (): boolean => spawnSync('jaeger', ['version'], { stdio: 'ignore' }).status === 0;

export type JaegerSpan = {
  spanID: string;
  operationName: string;
  processID: string;
  references: { refType: string; traceID: string; spanID: string }[];
};
export type JaegerTrace = {
  traceID: string;
  spans: JaegerSpan[];
  processes: Record<string, { serviceName: string }>;
};

export type Jaeger = {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  otlpUrl: string;
  /** @returns the trace as Jaeger's page shows it; null while it has none. */
  trace(traceId: string): Promise<JaegerTrace | null>;
  stop(): Promise<void>;
};

const configuration = (ports: { otlp: number; query: number; grpc: number }) => `
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: { receivers: [otlp], exporters: [jaeger_storage_exporter] }
  telemetry: { metrics: { level: none } }
extensions:
  jaeger_storage: { backends: { memory: { memory: { max_traces: 1000 } } } }
  jaeger_query:
    storage: { traces: memory }
    http: { endpoint: "127.0.0.1:${ports.query}" }
    grpc: { endpoint: "127.0.0.1:${ports.grpc}" }
receivers:
  otlp: { protocols: { http: { endpoint: "127.0.0.1:${ports.otlp}" } } }
exporters:
  jaeger_storage_exporter: { trace_storage: memory }
`;

const READY_WITHIN_MS = 60_000;

/** Starts a Jaeger that keeps traces in memory. */
export async function startJaeger(): Promise<Jaeger> {
  const [otlp, query, grpc] = [await freePort(), await freePort(), await freePort()];
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-jaeger-'));
  const file = join(folder, 'jaeger.yaml');
  writeFileSync(file, configuration({ otlp, query, grpc }));
  const child = spawn('jaeger', ['--config', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (piece: Buffer) => {
    said = `${said}${piece}`.slice(-4_000);
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const queryUrl = `http://127.0.0.1:${query}`;
  const isReady = () =>
    fetch(`${queryUrl}/api/services`).then(
      ({ ok }) => ok,
      () => false,
    );
  const until = performance.now() + READY_WITHIN_MS;
  while (!(await isReady())) {
    if (child.exitCode !== null || performance.now() > until)
      throw new Error(`Jaeger did not become ready.\n${said}`);
    await wait(100);
  }
  return {
    otlpUrl: `http://127.0.0.1:${otlp}`,
    async trace(traceId) {
      const answer = await fetch(`${queryUrl}/api/traces/${traceId}`);
      if (!answer.ok) return null;
      return ((await answer.json()) as { data: JaegerTrace[] }).data[0] ?? null;
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
