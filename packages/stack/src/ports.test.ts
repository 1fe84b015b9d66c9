import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { choosePort, freePort } from './ports.ts';

let taken: number;
let server: Server;

beforeEach(async () => {
  taken = await freePort();
  server = createServer().listen(taken, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => server.close());

describe('choosePort', () => {
  test('takes the preferred port when it is free', async () => {
    const preferred = 17_000 + (process.pid % 900);
    expect(await choosePort({ variable: 'API_PORT', asked: undefined, preferred })).toEqual({
      port: preferred,
      moved: false,
    });
  });

  test('takes the next free port when the preferred one is in use, and skips ports chosen for other parts', async () => {
    const { port, moved } = await choosePort({
      variable: 'API_PORT',
      asked: undefined,
      preferred: taken,
      chosen: [taken + 1],
    });
    expect(moved).toBe(true);
    expect(port).toBeGreaterThan(taken + 1);
    const found = createServer().listen(port, '127.0.0.1');
    await once(found, 'listening');
    found.close();
  });

  test('names the variable whose port is in use', async () => {
    await expect(choosePort({ variable: 'API_PORT', asked: taken, preferred: 3000 })).rejects.toThrow(
      `API_PORT=${taken}: port ${taken} is in use.`,
    );
  });

  test('takes the port that the variable names, and any free one for 0', async () => {
    const asked = 16_000 + (process.pid % 900);
    expect(await choosePort({ variable: 'API_PORT', asked, preferred: 3000 })).toEqual({
      port: asked,
      moved: false,
    });
    const { port, moved } = await choosePort({ variable: 'API_PORT', asked: 0, preferred: 3000 });
    expect([port > 0, moved]).toEqual([true, false]);
  });
});
