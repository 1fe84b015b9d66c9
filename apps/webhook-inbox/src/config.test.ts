import { newWebhookSecret } from '@emr-payments/webhooks';
import { expect, test } from 'vitest';
import { readConfig } from './config.ts';

test('every variable has a default', () => {
  expect(readConfig({})).toEqual({
    HOST: '127.0.0.1',
    PORT: 4020,
    INBOX_KEEP: 1000,
    LOG_LEVEL: 'info',
    secrets: [],
  });
});

test('secrets are separated by commas', () => {
  const [one, two] = [newWebhookSecret(), newWebhookSecret()];
  expect(readConfig({ WEBHOOK_SECRETS: `${one}, ${two},` }).secrets).toEqual([one, two]);
});

test.each([
  ['PORT', 'eighty'],
  ['PORT', '70000'],
  ['INBOX_KEEP', '0'],
  ['LOG_LEVEL', 'loud'],
  ['WEBHOOK_SECRETS', 'whsec_short'],
])('%s=%s is refused by name, without its value', (name, value) => {
  expect(() => readConfig({ [name]: value })).toThrow(name);
  expect(() => readConfig({ [name]: value })).not.toThrow(value);
});
