import type { Socket } from 'node:net';
import { FLOODS, type Flood, pourInto, startRawServer } from '@emr-payments/testkit/flood';
import { TEST_CERTIFICATE } from '@emr-payments/testkit/tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openNetwork } from '../network.ts';
import { type ExchangeRequest, exchange } from './exchange.ts';
import { describeNoAnswer } from './no-answer.ts';

const KIB = 1024;

async function emrThat(onData: (socket: Socket) => void, wire: string) {
  const emr = await startRawServer(onData, { tls: wire === 'tls' });
  const network = openNetwork({ ca: TEST_CERTIFICATE, servername: 'hooks.example.test' });
  onTestFinished(() => {
    network.kept.http.destroy();
    network.kept.https.destroy();
    emr.close();
  });
  const request: ExchangeRequest = {
    method: 'POST',
    url: emr.url,
    headers: {},
    signal: new AbortController().signal,
    timeoutMs: 15_000,
    maxAnswerBytes: 256 * KIB,
    body: { text: '{"a":1}', mayStillSend: () => true },
  };
  const { body: _, ...reading } = request;
  return {
    emr,
    post: () => exchange(network, request),
    get: () => exchange(network, { ...reading, method: 'GET' }),
  };
}

describe.each(['plain', 'tls'])('over %s', (wire) => {
  test.each(Object.entries<Flood>(FLOODS))(
    'a flood of %s after a send is no answer, and says nothing about the payment',
    async (_name, flood) => {
      const { emr, post, get } = await emrThat((socket) => pourInto(socket, flood), wire);
      const result = await post();
      // Handed over: `unknown`, never `not_sent`.
      expect(result).toMatchObject({ kind: 'no_answer', handedOver: true });
      if (result.kind === 'no_answer') expect(describeNoAnswer(result).code).toBe('answer_too_large');
      // A read ends the same way: no answer, so nothing is absent.
      expect((await get()).kind).toBe('no_answer');
      await expect.poll(() => emr.connections).toEqual({ opened: 2, closed: 2 });
      expect(emr.sent()).toBeLessThan(32 * KIB * KIB);
    },
  );

  test('an answer with a few interim answers is whole', async () => {
    const { post } = await emrThat(
      (socket) =>
        socket.write(
          'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 201 Created\r\nlocation: /PaymentReconciliation/7\r\ncontent-length: 2\r\n\r\n{}',
        ),
      wire,
    );
    expect(await post()).toMatchObject({ kind: 'answer', status: 201, body: '{}' });
  });

  test.each([
    ['interim answers', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(9)],
    [
      'a body in small pieces',
      `HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(1980)}`,
    ],
  ])(
    'too much of %s, and what is no HTTP in the same packet, end the exchange alone',
    async (_name, flood) => {
      const uncaught: unknown[] = [];
      const note = (error: unknown) => uncaught.push(error);
      process.on('uncaughtException', note);
      onTestFinished(() => void process.off('uncaughtException', note));
      const { emr, post, get } = await emrThat((socket) => socket.write(`${flood}no HTTP\r\n\r\n`), wire);
      expect(await post()).toMatchObject({ kind: 'no_answer', handedOver: true });
      expect(await get()).toMatchObject({ kind: 'no_answer' });
      await expect.poll(() => emr.connections).toEqual({ opened: 2, closed: 2 });
      expect(uncaught).toEqual([]);
    },
  );

  test('a 101 after a send is no answer, and its connection is closed', async () => {
    const begin = 'HTTP/1.1 101 Switching Protocols\r\nupgrade: flood\r\nconnection: upgrade\r\n\r\n';
    const { emr, post } = await emrThat((socket) => pourInto(socket, { begin, repeat: 'x' }), wire);
    const result = await post();
    expect(result).toMatchObject({ kind: 'no_answer', handedOver: true });
    if (result.kind === 'no_answer') expect(describeNoAnswer(result).code).toBe('bad_answer');
    await expect.poll(() => emr.connections).toEqual({ opened: 1, closed: 1 });
  });

  test('bytes in one packet with an answer: it was not understood whole, so it is none', async () => {
    const { emr, post } = await emrThat(
      (socket) => socket.write('HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}{"issue":[]}'),
      wire,
    );
    expect(await post()).toMatchObject({ kind: 'no_answer', handedOver: true });
    await expect.poll(() => emr.connections).toEqual({ opened: 1, closed: 1 });
  });

  test('a flood on an idle connection closes it, and the next answer is not read from it', async () => {
    const sockets: Socket[] = [];
    const { emr, post } = await emrThat((socket) => {
      sockets.push(socket);
      socket.write('HTTP/1.1 201 Created\r\ncontent-length: 4\r\n\r\ngood');
    }, wire);
    expect(await post()).toMatchObject({ body: 'good' });
    const [first] = sockets;
    if (first !== undefined)
      pourInto(first, { begin: '', repeat: 'HTTP/1.1 201 Created\r\ncontent-length: 4\r\n\r\nevil' });
    await expect.poll(() => emr.connections.closed).toBe(1);
    expect(await post()).toMatchObject({ body: 'good' });
    expect(emr.connections.opened).toBe(2);
    expect(emr.sent()).toBeLessThan(16 * KIB * KIB);
  });
});
