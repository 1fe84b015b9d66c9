import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hasHelm, renderChart } from './helm-render.ts';

const root = join(import.meta.dirname, '..');

// helm-chart.test.ts says it loudly where helm is missing.
describe.runIf(hasHelm())('helm', () => {
  test.each([
    ['a variable that no process reads', 'settings.DRAIN_SECONDS=5', 'DRAIN_SECONDS'],
    ['a secret as a value', 'settings.DATABASE_URL=postgresql://db', 'DATABASE_URL'],
    ['a variable of the worker for the API', 'api.settings.LEASE_MS=5000', 'LEASE_MS'],
    ['a time as text', 'settings.DRAIN_MS=5s', 'want integer'],
    ['no time', 'settings.DRAIN_MS=null', "missing property 'DRAIN_MS'"],
    ['no settings', 'settings=null', "missing property 'settings'"],
    ['no number of pods', 'api.replicas=null', "missing property 'replicas'"],
    ['a number of pods in words', 'api.podDisruptionBudget.maxUnavailable=one', 'does not match pattern'],
    ['no word on scaling', 'worker.autoscaling=null', "missing property 'autoscaling'"],
    ['a port that is missing', 'networkPolicy.postgresql=null', "missing property 'postgresql'"],
    ['a value that there is not', 'worker.replica=3', "additional properties 'replica'"],
    ['an Ingress without a host', 'ingress.enabled=true', 'hosts'],
    ['a route without a gateway', 'gateway.enabled=true', 'parentRefs'],
    ['a file from nowhere', 'files[0].path=/etc/ca', 'files/0'],
    ['a target of 0.0', 'worker.autoscaling.target=0.0', 'target'],
    ['no keys', 'secrets.service.variables.ENCRYPTION_KEYS=null', "missing property 'ENCRYPTION_KEYS'"],
  ])('refuses %s', (_what, value, named) => {
    const render = () => renderChart(root, null, value);
    expect(render).toThrow("values don't meet the specifications of the schema");
    expect(render).toThrow(named);
  });

  test.each([
    [
      'fewer workers at most than at least',
      'worker.autoscaling.enabled=true,worker.autoscaling.minReplicas=50',
      'Give the most',
    ],
    [
      'fewer APIs at most than at least',
      'api.autoscaling.enabled=true,api.autoscaling.minReplicas=50',
      'Give the most',
    ],
    [
      'two files at one path',
      'files[0].path=/ca,files[0].secret=a,files[1].path=/ca/,files[1].secret=b',
      'files[1].path is /ca',
    ],
    [
      'a file in place of the secrets',
      'files[0].path=/etc/emr-payments/secrets,files[0].secret=a',
      'files[0].path is',
    ],
  ])('refuses %s with a sentence', (_what, value, sentence) => {
    expect(() => renderChart(root, null, value)).toThrow(sentence);
  });
});
