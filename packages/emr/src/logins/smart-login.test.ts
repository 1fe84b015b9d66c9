import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OPEN_NETWORK } from '../network.ts';
import { memoryTokenStore } from '../tokens/memory-token-store.ts';
import { createTokenSources } from '../tokens/token-sources.ts';
import { isTrouble } from '../trouble.ts';
import { beginLogin } from './begin-login.ts';
import { discoverSmart } from './discover-smart.ts';
import { type FinishInput, finishLogin } from './finish-login.ts';
import { openSmartServer, type SmartServer } from './smart-server.fixture.ts';

const NEEDS = [
  { resource: 'Patient', may: 'rs' },
  { resource: 'PaymentNotice', may: 'crs' },
];
const deps = { network: OPEN_NETWORK };

describe.each(['client_secret_basic', 'client_secret_post'] as const)(
  'a SMART server that is not ours (%s)',
  (auth) => {
    let server: SmartServer;
    beforeAll(async () => {
      server = await openSmartServer({ auth });
    });
    afterAll(() => server.close());

    /** Logs in as far as the browser's return. */
    async function comeBack(): Promise<FinishInput> {
      const found = await discoverSmart(deps, { baseUrl: server.baseUrl, needs: NEEDS });
      if (found.outcome !== 'found') throw new Error(found.outcome);
      expect(found.server.clientAuth).toBe(auth === 'client_secret_basic' ? 'basic' : 'post');
      expect(found.scopes).toBe('offline_access user/Patient.rs user/PaymentNotice.crs');
      const application = { ...server.client, scopes: found.scopes };
      const { redirectUri } = server;
      const begun = await beginLogin({
        server: found.server,
        application,
        redirectUri,
        audience: server.baseUrl,
      });
      expect(new URL(begun.location).searchParams.get('aud')).toBe(server.baseUrl);
      const parameters = await server.logIn(begun.location);
      const { state, verifier } = begun;
      return { server: found.server, application, parameters, state, verifier, redirectUri };
    }

    test('gives a login that lasts, and each renewal replaces its refresh token', async () => {
      const input = await comeBack();
      const finished = await finishLogin(deps, input);
      if (finished.outcome !== 'logged_in') throw new Error(JSON.stringify(finished));
      const { tokenUrl, clientAuth } = input.server;
      const source = createTokenSources({ store: memoryTokenStore() }).of({
        kind: 'refresh_token',
        tokenUrl,
        clientAuth,
        ...server.client,
        refreshToken: finished.refreshToken,
      });
      let rejected: string | undefined;
      for (let round = 0; round < 2; round += 1) {
        const got = await source.get({
          signal: AbortSignal.timeout(60_000),
          timeoutMs: 20_000,
          network: OPEN_NETWORK,
          permit: async () => null,
          throttled: async () => {},
          rejected,
        });
        if (isTrouble(got)) throw new Error(JSON.stringify(got));
        expect(got.token).not.toBe(rejected);
        rejected = got.token;
      }
    });

    test('refuses another verifier, another address and a code that was used', async () => {
      const other = await comeBack();
      const wrong = await finishLogin(deps, { ...other, verifier: 'w'.repeat(43) });
      expect(wrong).toMatchObject({ outcome: 'unavailable', trouble: { code: 'token_not_available' } });
      const elsewhere = await finishLogin(deps, {
        ...(await comeBack()),
        redirectUri: 'http://127.0.0.1:4999/elsewhere',
      });
      expect(elsewhere).toMatchObject({ outcome: 'unavailable' });
      const input = await comeBack();
      expect(await finishLogin(deps, input)).toMatchObject({ outcome: 'logged_in' });
      expect(await finishLogin(deps, input)).toMatchObject({ outcome: 'unavailable' });
    });

    test('names itself in the return: without its name, and with another one, the code is not sent', async () => {
      const input = await comeBack();
      expect(input.server.namesItself).toBe(true);
      const without = new URLSearchParams(input.parameters);
      without.delete('iss');
      const other = new URLSearchParams(input.parameters);
      other.set('iss', 'https://other.example');
      for (const parameters of [without, other])
        expect(await finishLogin(deps, { ...input, parameters })).toEqual({ outcome: 'not_trusted' });
      expect(await finishLogin(deps, input)).toMatchObject({ outcome: 'logged_in' });
    });
  },
);
