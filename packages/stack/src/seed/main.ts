import { join } from 'node:path';
import { openDatabase } from '@emr-payments/db';
import { parseKeyring, print } from '@emr-payments/runtime';
import { publishedCurlInOneLine } from '../demo/published-curl.ts';
import { seedDemo } from '../demo/seed-demo.ts';
import { keepEncryptionKeys, keepWebhookSecret } from '../keys.ts';
import { readConfig, type SeedConfig } from './config.ts';

/** Sends the inbox the secret that it verifies with. The inbox stores it. */
async function sendSecret(inboxUrl: string, secret: string): Promise<void> {
  const answer = await fetch(`${inboxUrl}/secrets`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ secrets: [secret] }),
    signal: AbortSignal.timeout(10_000),
  });
  if (!answer.ok) throw new Error(`the inbox answered ${answer.status} to its new secret`);
}

/** Runs once in a container of docker-compose.yml: creates the demo data and prints a curl command to paste. */
async function seed(config: SeedConfig): Promise<void> {
  const webhookSecret = keepWebhookSecret(join(config.DEMO_FOLDER, 'webhook-secret'));
  await sendSecret(config.INBOX_URL, webhookSecret);
  const keyring = parseKeyring(keepEncryptionKeys(join(config.DEMO_FOLDER, 'keys')));
  const database = openDatabase({
    url: config.DATABASE_URL,
    poolSize: 2,
    applicationName: 'emr-payments-seed',
  });
  try {
    const demo = await seedDemo(
      { database, keyring },
      {
        stateFile: join(config.DEMO_FOLDER, 'demo.json'),
        sandboxUrl: config.SANDBOX_URL,
        webhookUrl: `${config.INBOX_URL}/webhooks`,
        webhookSecret,
        timeZone: 'America/New_York',
      },
    );
    print(
      'stdout',
      `Paste this into a terminal once the API is up, in a few seconds:\n${publishedCurlInOneLine(config.PUBLIC_API_URL, demo)}\n`,
    );
  } finally {
    await database.close();
  }
}

try {
  await seed(readConfig());
} catch (error) {
  print('stderr', `${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
