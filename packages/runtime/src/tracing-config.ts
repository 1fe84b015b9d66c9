import { type Static, Type } from '@sinclair/typebox';
import { ConfigError } from './config.ts';
import { exporterVariables, readExporter, readPairs } from './tracing-exporter.ts';

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

const endpoint = (description: string) =>
  Type.Optional(Type.String({ pattern: '^https?://', maxLength: 2048, description }));

/**
 * The variables of traces, under the names of OpenTelemetry's specification. All of those that its SDK would read are here: it ignores a
 * wrong value, and we refuse it.
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export const tracingVariables = {
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint(
    'the collector that traces are sent to, by OTLP over HTTP, such as http://127.0.0.1:4318; without it there are no traces (docs/tracing.md)',
  ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint(
    'the same as a whole URL, with its path, such as http://127.0.0.1:4318/v1/traces',
  ),
  OTEL_EXPORTER_OTLP_PROTOCOL: Type.Literal('http/protobuf', {
    default: 'http/protobuf',
    description: 'http/protobuf, the only protocol that traces are sent by',
  }),
  ...exporterVariables,
  OTEL_TRACES_EXPORTER: Type.Union([Type.Literal('otlp'), Type.Literal('none')], {
    default: 'otlp',
    description: 'otlp, or none: no traces, whatever else is set',
  }),
  OTEL_SDK_DISABLED: Type.Boolean({ default: false, description: 'true: no traces, whatever else is set' }),
  OTEL_TRACES_SAMPLER: Type.Union(
    SAMPLERS.map((name) => Type.Literal(name)),
    {
      default: 'parentbased_always_on',
      description: `which requests are traced: ${SAMPLERS.join(', ')}. In production usually parentbased_traceidratio`,
    },
  ),
  OTEL_TRACES_SAMPLER_ARG: Type.Number({
    default: 1,
    minimum: 0,
    maximum: 1,
    description: 'the part of all requests that a traceidratio sampler traces, from 0 to 1',
  }),
  OTEL_SERVICE_NAME: Type.Optional(
    Type.String({
      maxLength: 255,
      description: 'the name of the process in traces; emr-payments-api or emr-payments-worker by default',
    }),
  ),
  OTEL_RESOURCE_ATTRIBUTES: Type.Optional(
    Type.String({
      maxLength: 8192,
      description:
        'more attributes of the process in traces: name=value,name=value, percent-encoded, such as k8s.pod.name=api-1',
    }),
  ),
  TRACE_EMR_HOSTS: Type.String({
    default: '',
    description:
      'EMRs that get `traceparent` with our requests: hosts, host:port or CIDRs, separated by commas; none by default, because an EMR may refuse a header that it does not know',
  }),
};

/** For a process that takes requests. */
export const callerTracingVariables = {
  TRACES_OF_CALLERS_PER_SECOND: Type.Integer({
    default: 10,
    minimum: 0,
    maximum: 100_000,
    description:
      "requests a second in one process whose caller may decide that they are traced, by the sampled flag of its `traceparent`; beyond that they begin a trace of their own, by OTEL_TRACES_SAMPLER, with a link to the caller's",
  }),
};

const schema = Type.Object({
  ...tracingVariables,
  ...Type.Partial(Type.Object(callerTracingVariables)).properties,
});

export type TracingConfig = {
  sampler: { name: (typeof SAMPLERS)[number]; ratio: number };
  serviceName: string | undefined;
  /** For the collector. */
  headers: Record<string, string>;
  resourceAttributes: Record<string, string>;
  /** Requests a second whose caller may decide that they are traced. */
  callersPerSecond: number;
  /** True where `traceparent` may be sent to this URL of an EMR. */
  isForEmr: (url: string) => boolean;
};

/**
 * @param emrHosts what `TRACE_EMR_HOSTS` names.
 * @returns null: there are no traces.
 * @throws ConfigError for an address that is no URL, and for what `readExporter` refuses.
 */
export function readTracing(
  env: Static<typeof schema>,
  emrHosts: { has(url: string): boolean },
): TracingConfig | null {
  const isSet = (env.OTEL_EXPORTER_OTLP_ENDPOINT ?? env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) !== undefined;
  if (!isSet || env.OTEL_SDK_DISABLED || env.OTEL_TRACES_EXPORTER === 'none') return null;
  for (const name of ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] as const)
    if (env[name] !== undefined && !URL.canParse(env[name]))
      throw new ConfigError(`${name} is not a URL. ${name}: ${tracingVariables[name].description}.`);
  return {
    sampler: { name: env.OTEL_TRACES_SAMPLER, ratio: env.OTEL_TRACES_SAMPLER_ARG },
    serviceName: env.OTEL_SERVICE_NAME,
    ...readExporter(env),
    resourceAttributes: readPairs('OTEL_RESOURCE_ATTRIBUTES', env.OTEL_RESOURCE_ATTRIBUTES),
    callersPerSecond: env.TRACES_OF_CALLERS_PER_SECOND ?? 0,
    isForEmr: emrHosts.has,
  };
}

/** Names in one line of the log, at most. */
const MOST_NAMES = 50;

/** @returns the variables of OpenTelemetry that are set and that nothing here reads, such as a misspelt one. */
export function unreadTracingVariables(env: NodeJS.ProcessEnv): string[] {
  const read = new Set(
    Object.entries(tracingVariables).flatMap(([name, { secret }]) =>
      secret === true ? [name, `${name}_FILE`] : [name],
    ),
  );
  const isUnread = (name: string) => name.startsWith('OTEL_') && !read.has(name) && env[name] !== '';
  return Object.keys(env).filter(isUnread).sort().slice(0, MOST_NAMES);
}
