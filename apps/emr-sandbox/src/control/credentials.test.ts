import { expect, test } from 'vitest';
import { KEY, LOGINS, type Login } from '../testing/logins.ts';
import { sandboxForTest } from '../testing/sandbox.ts';

async function practice() {
  const { app } = await sandboxForTest({ token: KEY });
  const control = (method: 'PUT' | 'POST' | 'GET', path: string, body?: object) =>
    app.inject({ method, url: `/sandbox/credentials${path}`, ...(body === undefined ? {} : { body }) });
  return { app, control };
}

/** The status of a call with what a login gave. */
async function statusOf(app: Awaited<ReturnType<typeof practice>>['app'], { url }: Login, headers: object) {
  return (await app.inject({ url, headers: headers as Record<string, string> })).statusCode;
}

test.each(LOGINS)(
  '$name: a changed secret ends the old one and its tokens, until it is changed back',
  async (login) => {
    const { app, control } = await practice();
    const before = await login.headers(app, KEY);
    expect(await statusOf(app, login, before)).toBe(200);

    expect((await control('PUT', '', { secret: 'monday' })).json()).toEqual({ secret: 'changed' });
    expect(await statusOf(app, login, before)).toBe(login.refusal);
    await expect(login.headers(app, KEY)).rejects.toThrow('refused');
    expect(await statusOf(app, login, await login.headers(app, 'monday'))).toBe(200);

    expect((await control('PUT', '', { secret: null })).json()).toEqual({ secret: 'as started' });
    expect(await statusOf(app, login, await login.headers(app, KEY).catch(() => before))).toBe(200);
  },
);

test.each(LOGINS.filter(({ hasTokens }) => hasTokens))(
  '$name: an ended login needs a new one, with the same secret',
  async (login) => {
    const { app, control } = await practice();
    const before = await login.headers(app, KEY);
    expect((await control('POST', '/end-logins')).statusCode).toBe(204);
    expect(await statusOf(app, login, before)).toBe(login.refusal);
    expect(await statusOf(app, login, await login.headers(app, KEY))).toBe(200);
  },
);

test('a sandbox without a secret gets one, and its page and control stay open', async () => {
  const { app } = await sandboxForTest();
  const put = (body: object) => app.inject({ method: 'PUT', url: '/sandbox/credentials', body });
  expect((await app.inject('/fhir/Patient')).statusCode).toBe(200);
  await put({ secret: 'new' });
  expect((await app.inject('/fhir/Patient')).statusCode).toBe(401);
  expect((await app.inject('/sandbox/practice')).statusCode).toBe(200);
  await put({ secret: null });
  expect((await app.inject('/fhir/Patient')).statusCode).toBe(200);
  for (const secret of ['', 'two words', 'a/b', []]) expect((await put({ secret })).statusCode).toBe(400);
});
