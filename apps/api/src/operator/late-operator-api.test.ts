import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openDatabase } from '@emr-payments/db';
import { createOperatorKey } from '@emr-payments/operations';
import { openTestDatabase } from '@emr-payments/testkit';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { buildApp } from '../app.ts';
import { openOperatorDatabase } from '../bulkheads/open-operator-database.ts';
import { noInfrastructure, noOperatorInfrastructure } from '../publish/text.ts';
import type * as Built from './build-operator-app.ts';
import { type LateOperatorApi, openLateOperatorApi } from './late-operator-api.ts';

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const release of cleanUp.splice(0).reverse()) await release();
});

const load = (): Promise<typeof Built> => import('./build-operator-app.ts');

/** The API of integrators, with or without the operator's beside it. @returns its address. */
async function listening(operatorApi: LateOperatorApi | null): Promise<string> {
  const app = await buildApp(noInfrastructure(), { operatorApi: operatorApi?.listener });
  cleanUp.push(() => app.close());
  await app.listen({ host: '127.0.0.1', port: 0 });
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
}

function late(loaded: typeof load): { api: LateOperatorApi; onFault: ReturnType<typeof vi.fn> } {
  const onFault = vi.fn();
  const api = openLateOperatorApi({ ...noOperatorInfrastructure(), onFault }, {}, loaded);
  cleanUp.push(() => api.close());
  return { api, onFault };
}

describe('the operator’s API', () => {
  test('is loaded at its first request, once, and the requests of integrators do not load it', async () => {
    const loaded = vi.fn(load);
    const base = await listening(late(loaded).api);
    expect((await fetch(`${base}/openapi.json`)).status).toBe(200);
    expect((await fetch(`${base}/operators`)).status).toBe(404);
    expect(loaded).not.toHaveBeenCalled();
    const answers = await Promise.all(
      [
        '/operator/v1/clients',
        '/operator/openapi.json',
        '/operator/docs',
        '/operator',
        '/operator/v1/nothing',
      ].map((path) => fetch(`${base}${path}`)),
    );
    expect(answers.map(({ status }) => status)).toEqual([401, 200, 200, 404, 404]);
    expect(loaded).toHaveBeenCalledTimes(1);
    const document = (await answers[1]?.json()) as { info: { title: string } };
    expect(document.info.title).toBe('EMR Payments operator API');
    expect(await (await fetch(`${base}/operator/docs/static/start.js`)).text()).toContain(
      "'../../openapi.json'",
    );
    const wrongMethod = await fetch(`${base}/operator/v1/clients`, { method: 'DELETE' });
    expect([wrongMethod.status, wrongMethod.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST']);
    const options = await fetch(`${base}/operator/v1/clients`, { method: 'OPTIONS' });
    expect(options.status).toBe(204);
  });

  test('is reached by a target in absolute form', async () => {
    const { port } = new URL(await listening(late(load).api));
    const statusOf = async (path: string) => {
      const asking = request({ host: '127.0.0.1', port, path }).end();
      const [answer] = (await once(asking, 'response')) as [IncomingMessage];
      answer.resume();
      return answer.statusCode;
    };
    expect(await statusOf('http://emr.example/operator/v1/clients')).toBe(401);
    expect(await statusOf('https://emr.example/operator')).toBe(404);
    expect(await statusOf('http://operator/openapi.json')).toBe(200);
  });

  test('that cannot be opened answers 503 in the shape of all errors, and is tried again', async () => {
    const loaded = vi.fn(load).mockRejectedValueOnce(new Error('no file descriptor'));
    const { api, onFault } = late(loaded);
    const base = await listening(api);
    const refused = await fetch(`${base}/operator/v1/clients`);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2']);
    expect(await refused.json()).toMatchObject({
      success: false,
      code: 'service_unavailable',
      safe_to_retry: true,
    });
    expect(onFault).toHaveBeenCalledTimes(1);
    expect((await fetch(`${base}/operator/v1/clients`)).status).toBe(401);
  });

  test('that is off has no path', async () => {
    const base = await listening(null);
    const answer = await fetch(`${base}/operator/v1/clients`);
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([
      404,
      'route_not_found',
    ]);
  });

  test('closes its connections with the process', async () => {
    const { appUrl: url, drop } = await openTestDatabase();
    cleanUp.push(drop);
    const database = openDatabase({ url, poolSize: 1, applicationName: 'test' });
    const by = { actor: 'cli:test', source: 'test' };
    const input = { name: 'Console', scopes: ['clients:read'], days: 1, by } as const;
    const { secret } = await createOperatorKey({ database }, input);
    const deps = {
      ...noOperatorInfrastructure(),
      openDatabase: () => openOperatorDatabase({ url, statementMs: 3_000 }),
      onFault: () => undefined,
    };
    const api = openLateOperatorApi(deps, {});
    const server = createServer(api.listener);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const answer = await fetch(`http://127.0.0.1:${port}/operator/v1/clients`, {
      headers: { authorization: `Bearer ${secret}`, connection: 'close' },
    });
    expect(answer.status).toBe(200);
    const open = async () =>
      (
        await database.pool.query(
          "SELECT 1 FROM pg_stat_activity WHERE application_name = 'emr-payments-api operator' AND datname = current_database()",
        )
      ).rows.length;
    expect(await open()).toBeGreaterThan(0);
    await api.close();
    server.close();
    await vi.waitFor(async () => expect(await open()).toBe(0), { timeout: 30_000 });
    await database.close();
  });
});
