import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../ports.ts';
import { startApp } from './app-process.ts';

test('an app is not started where another process answers: it would be taken for the app', async () => {
  const port = await freePort();
  const other = createServer((_request, response) => response.end());
  await new Promise<void>((listening) => other.listen(port, '127.0.0.1', listening));
  try {
    const url = `http://127.0.0.1:${port}`;
    const started = startApp({
      app: 'worker',
      name: 'worker-1',
      url,
      logFile: join(tmpdir(), `${port}.log`),
      env: {},
    });
    await expect(started).rejects.toThrow(`worker-1 was not started: another process answers at ${url}`);
  } finally {
    await new Promise((closed) => other.close(closed));
  }
});
