import { configOrExit, createLogger, namingVariables, runProcess } from '@emr-payments/runtime';
import { readConfig } from './config.ts';
import { openKnownSecrets } from './known-secrets.ts';
import { openMessages } from './messages.ts';
import { buildServer } from './server.ts';

const config = configOrExit(readConfig);
const logger = createLogger('webhook-inbox', config.LOG_LEVEL);

await runProcess({ logger, graceMs: 5000 }, async (releases) => {
  const file = config.INBOX_FILE;
  const messages = openMessages({ file, keep: config.INBOX_KEEP });
  const secrets = openKnownSecrets({
    configured: config.secrets,
    file: file === undefined ? undefined : `${file}.secrets`,
  });
  const server = releases.add('server', buildServer({ messages, secrets }), (it) => it.close());
  await namingVariables({ host: config.HOST, port: config.PORT, portVariable: 'PORT' }, (at) =>
    server.listen(at),
  );
  const address = server.server.address();
  logger.info(address !== null && typeof address === 'object' ? { port: address.port } : {}, 'listening');
});
