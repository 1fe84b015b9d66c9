import type { FastifyReply } from 'fastify';
import type { Allowance } from './limits.ts';

/**
 * "There are response headers returned upon each OAuth or API request": the limit and what remains of it, of a minute for tokens and of
 * a day for calls (https://docs.athenahealth.com/api/guides/best-practices). The stored copies of the page have lost the
 * names of the headers: these are a guess.
 */
export function quotaHeaders(reply: FastifyReply, { limit, remaining }: Allowance): void {
  reply.headers({ 'x-ratelimit-limit': String(limit), 'x-ratelimit-remaining': String(remaining) });
}
