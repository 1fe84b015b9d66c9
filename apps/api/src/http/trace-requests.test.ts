import { type NewSpan, setTracer, type Tracer } from '@emr-payments/runtime';
import { afterEach, expect, test } from 'vitest';
import { buildApp } from '../app.ts';
import { noInfrastructure } from '../publish/text.ts';

afterEach(() => setTracer(undefined));

test('no text of a caller is in the span of its request, also behind a proxy', async () => {
  const started: NewSpan[] = [];
  setTracer({
    startRequest: (span: NewSpan) => void started.push(span),
    run: (_span: unknown, work: () => unknown) => work(),
    active: () => undefined,
  } as unknown as Tracer);
  const app = await buildApp(noInfrastructure(), { trustProxy: ['127.0.0.1'] });
  for (const scheme of ['https', 'MRN-12345'])
    await app.inject({ url: '/nowhere/MRN-12345?mrn=MRN-12345', headers: { 'x-forwarded-proto': scheme } });
  await app.inject('/health/live');
  await app.close();
  expect(started.map(({ name, attributes }) => [name, attributes?.['url.scheme']])).toEqual([
    ['GET', 'https'],
    ['GET', 'http'],
  ]);
  expect(JSON.stringify(started)).not.toContain('MRN');
});
