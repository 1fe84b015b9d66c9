import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import { sendFile } from './send-file.ts';

const SIZE = 64 * 1024 * 1024;

/** Bytes that this process has read. */
const readBytes = () => Number(/^rchar: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);

test.runIf(existsSync('/proc/self/io'))(
  'HEAD has the headers of GET, and reads nothing of the file',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'emr-payments-file-'));
    const path = join(folder, 'large');
    writeFileSync(path, '');
    truncateSync(path, SIZE);
    const app = Fastify();
    onTestFinished(async () => {
      await app.close();
      rmSync(folder, { recursive: true });
    });
    app.get('/', (_request, reply) => sendFile(reply, { path, type: 'text/css' }));
    const url = await app.listen({ host: '127.0.0.1', port: 0 });

    const before = readBytes();
    const heads = await Promise.all(Array.from({ length: 8 }, () => fetch(url, { method: 'HEAD' })));
    // The file and the connection together are read twice here: what eight more readings of the file had begun meanwhile would show.
    const get = await fetch(url);
    expect((await get.arrayBuffer()).byteLength).toBe(SIZE);
    expect(readBytes() - before).toBeLessThan(3 * SIZE);

    for (const head of heads) {
      expect(head.status).toBe(200);
      for (const name of ['content-length', 'content-type', 'cache-control'])
        expect(head.headers.get(name)).toBe(get.headers.get(name));
    }
    expect(get.headers.get('content-length')).toBe(String(SIZE));
  },
);
