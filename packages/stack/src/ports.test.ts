import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { choosePort, freePort, isPortFree } from './ports.ts';

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
    const preferred = await freePort();
    expect(await choosePort({ variable: 'API_PORT', asked: undefined, preferred })).toEqual({
      port: preferred,
      moved: false,
    });
  });

  test('moves on from a preferred port that is taken, and over ports that were given away', async () => {
    const { port, moved } = await choosePort({
      variable: 'API_PORT',
      asked: undefined,
      preferred: taken,
      chosen: [taken + 1],
    });
    expect(moved).toBe(true);
    expect(port).toBeGreaterThan(taken + 1);
    expect(await isPortFree(port)).toBe(true);
  });

  test('names the variable that asks for a taken port', async () => {
    await expect(choosePort({ variable: 'API_PORT', asked: taken, preferred: 3000 })).rejects.toThrow(
      `API_PORT=${taken}: something else listens on port ${taken}.`,
    );
  });
});
