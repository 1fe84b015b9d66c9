import { configOrExit, createLogger, runProcess } from '@emr-payments/runtime';
import { readConfig } from './config.ts';
import { openMessages } from './messages.ts';
import { openSecrets } from './secrets.ts';
import { buildServer } from './server.ts';

const config = configOrExit(readConfig);
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
