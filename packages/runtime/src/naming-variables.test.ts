import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { ConfigError } from './config.ts';
import { namingVariables } from './naming-variables.ts';

async function listen(at: { host: string; port: number }): Promise<number> {
  const server = createServer().listen(at);
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

test('a port that is taken is named by its variable', async () => {
  const port = await listen({ host: '127.0.0.1', port: 0 });
  const again = namingVariables({ host: '127.0.0.1', port, portVariable: 'HEALTH_PORT' }, listen);
  await expect(again).rejects.toThrow(`HEALTH_PORT is ${port}, where another process listens already`);
  await expect(again).rejects.toThrow(ConfigError);
});

// 192.0.2.0/24 is reserved for documentation: no machine has such an address.
test.each(['192.0.2.1', 'no-such-host.invalid'])('HOST=%s is named', async (host) => {
  const listening = namingVariables({ host, port: 0, portVariable: 'PORT' }, listen);
  await expect(listening).rejects.toThrow(`HOST is '${host}', which is not an address of this machine`);
});

test('another error is left as it is', async () => {
  const error = new Error('broken');
  const listening = namingVariables({ host: '127.0.0.1', port: 0, portVariable: 'PORT' }, () =>
    Promise.reject(error),
  );
  await expect(listening).rejects.toBe(error);
});
