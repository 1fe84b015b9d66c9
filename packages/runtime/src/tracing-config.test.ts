import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REDIS_KEY } from '@emr-payments/testkit/redis-tls';
import { TEST_CERTIFICATE, TEST_KEY } from '@emr-payments/testkit/tls';
import { Type } from '@sinclair/typebox';
import { afterAll, describe, expect, test } from 'vitest';
import { ConfigError, loadConfig } from './config.ts';
import { readTracing, tracingVariables, unreadTracingVariables } from './tracing-config.ts';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };
const read = (env: NodeJS.ProcessEnv) =>
  readTracing(loadConfig(Type.Object(tracingVariables), env), { has: () => false });

const folder = mkdtempSync(join(tmpdir(), 'emr-payments-tracing-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(content: string): string {
  const file = join(mkdtempSync(join(folder, 'file-')), 'file');
  writeFileSync(file, content);
  return file;
}

describe('traces', () => {
  test('are off without a collector, and where they are switched off', () => {
    expect(read({})).toBeNull();
    expect(read({ ...ENDPOINT, OTEL_SDK_DISABLED: 'true' })).toBeNull();
    expect(read({ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' })).toBeNull();
    expect(read({ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'otlp' })).not.toBeNull();
  });

  test.each([
    ['OTEL_TRACES_EXPORTER', 'console'],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', 'abc'],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', '0'],
    ['OTEL_EXPORTER_OTLP_TRACES_TIMEOUT', '-5'],
    ['OTEL_EXPORTER_OTLP_COMPRESSION', 'zstd'],
    ['OTEL_EXPORTER_OTLP_TRACES_COMPRESSION', 'GZIP'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'no pair'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'authorization=Bearer SECRET, =x'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'authorization=SECRET%'],
    ['OTEL_EXPORTER_OTLP_TRACES_HEADERS', 'a header=SECRET'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'authorization=SECRET%0a'],
    ['OTEL_RESOURCE_ATTRIBUTES', 'k8s.pod.name'],
  ])('with %s=%s stop the start, by its name and without its value', (name, value) => {
    const start = () => read({ ...ENDPOINT, [name]: value });
    expect(start).toThrow(ConfigError);
    expect(start).toThrow(
      new RegExp(`^${name} (has a value that cannot be used|cannot be read|has a header)`),
    );
    expect(start).not.toThrow('SECRET');
  });

  test('send headers that are given as pairs, also those of a file, and have the attributes that are given', () => {
    const file = fileWith('x-team=payments');
    expect(
      read({
        ...ENDPOINT,
        OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20YTpi, x-team=all,',
        OTEL_EXPORTER_OTLP_TRACES_HEADERS_FILE: file,
        OTEL_RESOURCE_ATTRIBUTES: 'k8s.pod.name=api-1,k8s.namespace.name=a%2Cb',
      }),
    ).toMatchObject({
      headers: { authorization: 'Basic YTpi', 'x-team': 'payments' },
      resourceAttributes: { 'k8s.pod.name': 'api-1', 'k8s.namespace.name': 'a,b' },
    });
  });

  test('take files of certificates that fit together, and no others', () => {
    const [certificate, key, otherKey] = [TEST_CERTIFICATE, TEST_KEY, REDIS_KEY].map(fileWith);
    const [CA, CERT, KEY] = ['CERTIFICATE', 'TRACES_CLIENT_CERTIFICATE', 'CLIENT_KEY'].map(
      (name) => `OTEL_EXPORTER_OTLP_${name}`,
    ) as [string, string, string];
    const start = (env: NodeJS.ProcessEnv) => () => read({ ...ENDPOINT, ...env });
    expect(start({ [CA]: certificate, [CERT]: certificate, [KEY]: key })()).not.toBeNull();
    expect(start({ [CA]: '/nowhere' })).toThrow(
      `${CA} names the file /nowhere, which cannot be read (ENOENT)`,
    );
    expect(start({ [CA]: key })).toThrow(`${CA} names the file ${key}, which begins with no certificate`);
    expect(start({ [CERT]: certificate })).toThrow('Give both, or none.');
    expect(start({ [CERT]: certificate, [KEY]: otherKey })).toThrow(
      `${KEY} names the file ${otherKey}, which`,
    );
    expect(start({ [CA]: '/nowhere', OTEL_TRACES_EXPORTER: 'none' })()).toBeNull();
  });

  test('name the variables that nothing reads', () => {
    const env = {
      ...ENDPOINT,
      OTEL_EXPORTER_OTLP_HEADERS_FILE: '/secrets/headers',
      OTEL_EXPORTER_OTLP_ENDPOIN: 'http://127.0.0.1:4318',
      OTEL_BSP_SCHEDULE_DELAY: '5',
      OTEL_EMPTY: '',
    };
    expect(unreadTracingVariables(env)).toEqual(['OTEL_BSP_SCHEDULE_DELAY', 'OTEL_EXPORTER_OTLP_ENDPOIN']);
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
