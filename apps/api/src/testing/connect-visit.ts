import { expect } from 'vitest';
import { requestsOf } from './client-requests.ts';
import type { TestApi } from './test-api.ts';

export const PUBLIC_URL = 'http://127.0.0.1:3000';
export const RETURN_URL = 'https://app.example.com/back?practice=7';
/** The headers of the page's own requests. */
export const PAGE = { origin: PUBLIC_URL, 'x-emr-connect': '1', 'content-type': 'application/json' };

/** A browser that has used a link. */
export type Visit = { id: string; cookie: string };

/** Lets persons visit the connect page of a test client, without a browser. */
export async function openVisit(api: TestApi) {
  const caller = await api.newCaller();
  await api.database.prisma.client.updateMany({ data: { mode: 'test' } });
  await api.database.prisma.clientReturnUrl.create({ data: { clientPk: caller.clientPk, url: RETURN_URL } });

  const post = (
    name: string,
    body: object,
    { id, cookie, headers = PAGE }: { id?: string; cookie?: string; headers?: object } = {},
  ) =>
    api.app.inject({
      method: 'POST',
      url: `/connect/api/${name}`,
      headers: {
        ...headers,
        ...(id === undefined || headers !== PAGE ? {} : { 'x-emr-connect': id }),
        ...(cookie === undefined ? {} : { cookie }),
      },
      payload: JSON.stringify(body),
    });

  async function link(body: object = {}): Promise<{ id: string; secret: string }> {
    const send = requestsOf(api.app, caller);
    const made = await send('POST', '/v1/connect-sessions', { body: { return_url: RETURN_URL, ...body } });
    const { id, url } = made.json().data as { id: string; url: string };
    return { id, secret: url.split('#')[1] ?? '' };
  }

  return {
    caller,
    post,
    link,
    /** Opens a link as the page does. */
    async visit(body: object = {}): Promise<Visit> {
      const { id, secret } = await link(body);
      const opened = await post('open', { secret });
      expect(opened.json().data).toEqual({ outcome: 'opened' });
      return { id, cookie: String(opened.headers['set-cookie']).split(';')[0] ?? '' };
    },
    async look({ cookie }: Visit) {
      const headers = { 'x-emr-connect': '1', cookie };
      return (await api.app.inject({ url: '/connect/api/session', headers })).json().data;
    },
    /** Comes back with an address, and returns where the page goes. */
    async comeBack(address: string, cookie: string): Promise<string> {
      const url = new URL(address);
      expect(`${url.origin}${url.pathname}`).toBe(`${PUBLIC_URL}/connect/callback`);
      const answer = await api.app.inject({ url: `/connect/callback${url.search}`, headers: { cookie } });
      expect([answer.statusCode, answer.headers['cache-control']]).toEqual([303, 'no-store']);
      return String(answer.headers.location).slice(PUBLIC_URL.length);
    },
    stored: (id: string) => api.database.prisma.connectSession.findUniqueOrThrow({ where: { id } }),
  };
}
