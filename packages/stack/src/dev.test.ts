import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { adapterNames } from '@emr-payments/emr';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { removePlace } from './embedded-postgres.ts';
import { choosePort, freePort } from './ports.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const DEV = join(import.meta.dirname, 'dev.ts');

let folder: string;
const running: ChildProcess[] = [];

type Run = { child: ChildProcess; output: () => string; ended: Promise<number | null> };

function dev(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Run {
  const child = spawn(process.execPath, [DEV, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: [join(ROOT, 'node_modules', '.bin'), process.env.PATH].join(delimiter),
      LOCAL_FOLDER: folder,
      ...Object.fromEntries(['API', 'SANDBOX', 'INBOX', 'POSTGRES'].map((part) => [`${part}_PORT`, '0'])),
      ...env,
    },
  });
  running.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  return { child, output: () => output, ended: once(child, 'exit').then(([code]) => code as number | null) };
}

/** @throws PortTakenError while something listens on the port. */
async function expectFree(port: number): Promise<void> {
  await choosePort({ variable: 'API_PORT', asked: port, preferred: port });
}

type StackFile = Record<string, string> & { users: { adapter: string }[] };

async function whenUp(run: Run): Promise<StackFile> {
  const isUp = (): boolean => run.output().includes('Ctrl-C stops everything');
  await vi.waitFor(() => expect(isUp() || run.child.exitCode !== null).toBe(true), {
    timeout: 120_000,
    interval: 50,
  });
  if (!isUp()) throw new Error(run.output());
  return JSON.parse(readFileSync(join(folder, 'stack.json'), 'utf8')) as StackFile;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'emr-payments-dev-'));
});

afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  }
  removePlace(join(folder, 'postgres'));
  rmSync(folder, { recursive: true, force: true });
});

describe('pnpm dev', () => {
  test('starts, prints its addresses, refuses a second start, and keeps its data until --reset', async () => {
    const first = dev();
    const stack = await whenUp(first);
    expect(Object.keys(stack)).toEqual([
      'api_url',
      'docs_url',
      'emr_url',
      'emr_fhir_url',
      'inbox_url',
      'database_url',
      'client_id',
      'client_secret',
      'access_token',
      'patient_mrn',
      'payment_method',
      'location',
      'webhook_secret',
      'sandbox_hosts',
      'users',
    ]);
    expect(stack.users.map(({ adapter }) => adapter)).toEqual(adapterNames);
    expect(statSync(join(folder, 'stack.json')).mode & 0o777).toBe(0o600);
    for (const url of [
      stack.docs_url,
      stack.emr_url,
      `${stack.emr_fhir_url}/metadata`,
      `${stack.inbox_url}/messages`,
    ]) {
      expect((await fetch(url ?? '')).status, url).toBe(200);
    }
    expect(first.output()).toContain(`curl -X POST ${stack.api_url}/v1/payments`);

    const second = dev();
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain(
      `already running (process ${first.child.pid}). Its API is at ${stack.api_url}`,
    );

    first.child.kill('SIGINT');
    expect(await first.ended).toBe(0);
    await expectFree(Number(new URL(stack.api_url ?? '').port));
    expect(existsSync(join(folder, 'stack.json'))).toBe(false);

    const again = dev();
    expect(await whenUp(again)).toMatchObject({
      client_id: stack.client_id,
      client_secret: stack.client_secret,
      access_token: stack.access_token,
      webhook_secret: stack.webhook_secret,
    });
    again.child.kill('SIGTERM');
    expect(await again.ended).toBe(0);

    const reset = await whenUp(dev(['--', '--reset']));
    expect(reset.client_id).not.toBe(stack.client_id);
    expect(reset.webhook_secret).not.toBe(stack.webhook_secret);
  }, 400_000);

  test('leaves no process behind when it is killed, and can be started again', async () => {
    const first = dev();
    const stack = await whenUp(first);
    first.child.kill('SIGKILL');
    await first.ended;
    const port = Number(new URL(stack.api_url ?? '').port);
    await vi.waitFor(() => expectFree(port), { timeout: 60_000 });
    const again = await whenUp(dev([], { API_PORT: String(port) }));
    expect(again.client_id).toBe(stack.client_id);
    expect(again.api_url).toBe(stack.api_url);
  }, 300_000);

  test('restarts a part that ends by itself, and stops when a part keeps ending', async () => {
    const run = dev();
    const stack = await whenUp(run);
    const apps = () => JSON.parse(readFileSync(join(folder, 'dev.pid'), 'utf8')).apps as number[];
    for (const time of [1, 2]) {
      const [sandbox = 0] = apps();
      process.kill(sandbox, 'SIGKILL');
      await vi.waitFor(
        () => expect(run.output().split('emr-sandbox is running again')).toHaveLength(time + 1),
        {
          timeout: 60_000,
        },
      );
      expect((await fetch(`${stack.emr_fhir_url}/metadata`)).status).toBe(200);
    }
    expect(run.output()).toContain('emr-sandbox ended unexpectedly. Its log');
    process.kill(apps()[0] ?? 0, 'SIGKILL');
    expect(await run.ended).toBe(1);
    expect(run.output()).toContain('stopping: emr-sandbox keeps ending');
  }, 300_000);

  test('names the variable whose port is taken', async () => {
    const port = await freePort();
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    const run = dev([], { INBOX_PORT: String(port) });
    expect(await run.ended).toBe(1);
    expect(run.output()).toContain(`INBOX_PORT=${port}: port ${port} is in use`);
    server.close();
  });

  test('prints its usage for an unknown argument, and names a variable with a bad value', async () => {
    const run = dev(['--rest']);
    expect(await run.ended).toBe(2);
    expect(run.output()).toContain('usage: npx -y pnpm@12 dev [--reset]');
    const wrong = dev([], { API_PORT: 'http' });
    expect(await wrong.ended).toBe(1);
    expect(wrong.output()).toMatch(/API_PORT has a value that cannot be used/);
  });
});
