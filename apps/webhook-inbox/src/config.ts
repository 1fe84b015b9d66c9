import { ConfigError, loadConfig, logLevelVariable } from '@emr-payments/runtime';
import { parseWebhookKey } from '@emr-payments/webhooks';
import { type Static, Type } from '@sinclair/typebox';

export const environment = Type.Object({
  HOST: Type.String({ default: '127.0.0.1', description: 'the address to listen on' }),
  PORT: Type.Integer({
    default: 4020,
    minimum: 0,
    maximum: 65_535,
    description: 'the port to listen on; 0 takes a free one, and the first log line says which',
  }),
  WEBHOOK_SECRETS: Type.String({
    secret: true,
    default: '',
    description:
      'whsec_… or whpk_… to verify with, separated by commas; may be empty and be set by PUT /secrets',
  }),
  INBOX_FILE: Type.Optional(
    Type.String({
      description: 'a file of JSON lines in which messages survive a restart; without it they do not',
    }),
  ),
  INBOX_KEEP: Type.Integer({
    default: 1000,
    minimum: 1,
    maximum: 100_000,
    description: 'how many messages are kept, the newest',
  }),
  LOG_LEVEL: logLevelVariable,
});

export type Config = Omit<Static<typeof environment>, 'WEBHOOK_SECRETS'> & { secrets: string[] };

/** @throws ConfigError naming the variable that is wrong. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const { WEBHOOK_SECRETS, ...config } = loadConfig(environment, env);
  const secrets = WEBHOOK_SECRETS.split(',')
    .map((secret) => secret.trim())
    .filter((secret) => secret !== '');
  try {
    secrets.forEach(parseWebhookKey);
  } catch (cause) {
    throw new ConfigError(`WEBHOOK_SECRETS has a value that cannot be used: ${(cause as Error).message}.`, {
      cause,
    });
  }
  return { ...config, secrets };
}
