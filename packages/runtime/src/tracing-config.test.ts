import { Type } from '@sinclair/typebox';
import { describe, expect, test } from 'vitest';
import { ConfigError, loadConfig } from './config.ts';
import { readTracing, tracingVariables } from './tracing-config.ts';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };
const read = (env: NodeJS.ProcessEnv) =>
  readTracing(loadConfig(Type.Object(tracingVariables), env), { has: () => false });

describe('traces', () => {
  test('are off without a collector, and where they are switched off', () => {
    expect(read({})).toBeNull();
    expect(read({ ...ENDPOINT, OTEL_SDK_DISABLED: 'true' })).toBeNull();
  });

  test('are on with one, by the sampler that is named', () => {
    expect(read(ENDPOINT)).toMatchObject({ sampler: { name: 'parentbased_always_on', ratio: 1 } });
    const sampled = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' };
    expect(read({ ...ENDPOINT, ...sampled })).toMatchObject({
      sampler: { name: 'parentbased_traceidratio', ratio: 0.01 },
    });
  });

  test.each(['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'])(
    '%s that is no URL stops the start, and is not quoted',
    (name) => {
      for (const url of ['http://', 'http://user:SECRET@collector:99999', 'http://a collector/']) {
        expect(() => read({ [name]: url })).toThrow(ConfigError);
        expect(() => read({ [name]: url })).toThrow(`${name} is not a URL.`);
        expect(() => read({ [name]: url })).not.toThrow('SECRET');
        expect(read({ [name]: url, OTEL_SDK_DISABLED: 'true' })).toBeNull();
      }
    },
  );
});
