import { createLogger, runProcess } from '@emr-payments/runtime';
import { type Config, readConfig } from './config.ts';
import { openMessages } from './messages.ts';
import { openSecrets } from './secrets.ts';
import { buildServer } from './server.ts';

function readConfigOrExit(): Config {
  try {
    return readConfig();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}

const config = readConfigOrExit();
const logger = createLogger('webhook-inbox', config.LOG_LEVEL);

await runProcess({ logger, graceMs: 5000 }, async (releases) => {
  const file = config.INBOX_FILE;
  const messages = openMessages({ file, keep: config.INBOX_KEEP });
  const secrets = openSecrets({
    configured: config.secrets,
    file: file === undefined ? undefined : `${file}.secrets`,
  });
  const server = releases.add('server', buildServer({ messages, secrets }), (it) => it.close());
  await server.listen({ host: config.HOST, port: config.PORT });
  const address = server.server.address();
  logger.info(address !== null && typeof address === 'object' ? { port: address.port } : {}, 'listening');
});
