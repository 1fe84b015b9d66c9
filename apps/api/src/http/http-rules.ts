import type { IncomingMessage } from 'node:http';
import type { ErrorCode } from '@emr-payments/contracts';
import fp from 'fastify-plugin';
import { sendError } from '../errors/send-error.ts';

/** As Node reads it: anything else makes a `checkExpectation`. */
const CONTINUE = /(?:^|\W)100-continue(?:$|\W)/i;

const isHost = (name: string): boolean => name.length === 4 && name.toLowerCase() === 'host';

type Broken = { code: ErrorCode; hint: string };

/** Names the rule of HTTP/1.1 that a request breaks, of those that Node's parser leaves to the server. */
function brokenRule({ httpVersion, headers, rawHeaders }: IncomingMessage): Broken | null {
  // RFC 9112, section 6.1. Node's parser goes by the last coding alone: it would pass on a compressed body as it came, and keep a
  // connection of HTTP/1.0, to which others give another end of the body.
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && (httpVersion !== '1.1' || coding.toLowerCase() !== 'chunked')) {
    return {
      code: 'malformed_request',
      hint: 'The only Transfer-Encoding is `chunked`, and only in HTTP/1.1. A Content-Length always works.',
    };
  }
  if (httpVersion !== '1.1') return null;
  // RFC 9112, section 3.2.
  if (headers.host === undefined) {
    return { code: 'malformed_request', hint: 'The header Host is missing; HTTP/1.1 requires it.' };
  }
  // The same section. Node keeps the first one, and a proxy may go by another.
  if (rawHeaders.filter((text, index) => index % 2 === 0 && isHost(text)).length > 1) {
    return { code: 'malformed_request', hint: 'The header Host was sent more than once.' };
  }
  // RFC 9110, section 10.1.1.
  if (headers.expect !== undefined && !CONTINUE.test(headers.expect)) {
    return { code: 'expectation_failed', hint: 'Send `Expect: 100-continue` or no Expect.' };
  }
  return null;
}

/** Refuses, before anything else, the requests that Node would refuse by itself and in a shape of its own. */
export const httpRules = fp(
  async (app) => {
    app.addHook('onRequest', (request, reply, done) => {
      const broken = brokenRule(request.raw);
      if (broken === null) return done();
      reply.header('connection', 'close');
      sendError(request, reply, broken.code, { hint: broken.hint });
    });
  },
  { name: 'http-rules' },
);
