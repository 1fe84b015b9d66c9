import { globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
/** packages/runtime/src/config.ts holds `loadConfig` itself, and no variables. */
const files = globSync('{apps,packages}/*/src/**/config.ts', { cwd: root }).filter(
  (path) => path !== 'packages/runtime/src/config.ts',
);

test('every process has a config.ts', () => {
  expect(files.length).toBeGreaterThanOrEqual(9);
});

test.each(files)('%s exports `environment`, and each variable has a description', async (path) => {
  const { environment } = (await import(join(root, path))) as {
    environment?: { properties: Record<string, { description?: string }> };
  };
  const variables = Object.entries(environment?.properties ?? {});
  expect(variables.length).toBeGreaterThan(0);
  expect(variables.filter(([, { description = '' }]) => description === '')).toEqual([]);
});

/** Text variables that hold no secret. Each other one is marked with `secret: true`, so that it can be given as a file. */
const NO_SECRET = [
  'APP_ROLE',
  'BOOKS_CLOSED_BEFORE',
  'DEMO_FOLDER',
  'HOST',
  'INBOX_FILE',
  'INBOX_URL',
  'LEDGER_FILE',
  'LOCAL_FOLDER',
  'LOG_LEVEL',
  'OTEL_EXPORTER_OTLP_CERTIFICATE',
  'OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE',
  'OTEL_EXPORTER_OTLP_CLIENT_KEY',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_PROTOCOL',
  'OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE',
  'OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE',
  'OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  'OTEL_RESOURCE_ATTRIBUTES',
  'OTEL_SERVICE_NAME',
  'PUBLIC_API_URL',
  'PUBLIC_URL',
  'SANDBOX_HOSTS',
  'SANDBOX_URL',
  'SEED_FILE',
  'TRACE_EMR_HOSTS',
  'TRUST_PROXY',
  'WEBHOOK_ALLOW_HOSTS',
];

// The variables of the tests are read without `loadConfig`, by a person's own machine.
test.each(files.filter((path) => !path.startsWith('packages/testkit/')))(
  '%s says of each text variable whether it holds a secret',
  async (path) => {
    const { environment } = (await import(join(root, path))) as {
      environment: { properties: Record<string, { type?: string; secret?: boolean }> };
    };
    const texts = Object.entries(environment.properties).filter(([, { type }]) => type === 'string');
    const unmarked = texts.filter(([, { secret }]) => secret !== true).map(([name]) => name);
    expect(
      unmarked.filter((name) => !NO_SECRET.includes(name)),
      'mark these with `secret: true`, or name them in NO_SECRET',
    ).toEqual([]);
  },
);
