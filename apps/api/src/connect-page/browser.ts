import { CONNECT_SESSION_MS } from '@emr-payments/db';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendError } from '../errors/send-error.ts';

/** A form that only `openConnectSession` makes: nothing else is looked up. */
const SECRET = /^cc_[\w-]{32}$/;

/**
 * The header that the page's script adds: the id of the session that its window shows, or 1 before it knows one. A form of another site
 * cannot set it, and its scripts may not.
 */
const PAGE_HEADER = 'x-emr-connect';

/**
 * True when the window of a request shows this session. A browser has one cookie for all its windows: with a second link opened, what is
 * typed in the window of the first one would go to the second practice.
 */
export const isShown = ({ headers }: FastifyRequest, { id }: { id: string }): boolean =>
  headers[PAGE_HEADER] === id;

/**
 * The session cookie of the connect page. Of https it has the prefix `__Host-`: no other host and no http answer can set one of this name.
 * Lax, because the browser must send it when it comes back from the EMR's login.
 */
export function sessionCookie(publicUrl: string) {
  const secure = publicUrl.startsWith('https:');
  const name = secure ? '__Host-emr-connect' : 'emr-connect';
  const attributes = `Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
  return {
    /** Returns the secret that a request brings; null when it brings none, or more than one. */
    read({ headers }: FastifyRequest): string | null {
      const values = (headers.cookie ?? '')
        .split(';')
        .map((pair) => pair.trim())
        .filter((pair) => pair.startsWith(`${name}=`))
        .map((pair) => pair.slice(name.length + 1));
      const [value = ''] = values;
      return values.length === 1 && SECRET.test(value) ? value : null;
    },
    set(reply: FastifyReply, secret: string): void {
      reply.header('set-cookie', `${name}=${secret}; Max-Age=${CONNECT_SESSION_MS / 1000}; ${attributes}`);
    },
    end(reply: FastifyReply): void {
      reply.header('set-cookie', `${name}=; Max-Age=0; ${attributes}`);
    },
  };
}

export type SessionCookie = ReturnType<typeof sessionCookie>;

/**
 * Lets only the page itself change something: the request names the page's origin, carries the page's header and is JSON, which a form of
 * another site can do none of.
 */
export function onlySamePage(publicUrl: string) {
  const { origin } = new URL(publicUrl);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const { headers } = request;
    const site = headers['sec-fetch-site'];
    const isOwn =
      typeof headers[PAGE_HEADER] === 'string' &&
      (request.method === 'GET' || headers.origin === origin) &&
      (site === undefined || site === 'same-origin');
    if (isOwn) return undefined;
    const hint = `This is for the connect page at ${origin} only. Open the page at that address.`;
    return sendError(request, reply, 'malformed_request', { hint });
  };
}
