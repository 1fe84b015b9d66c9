import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { dnsResolve, UnresolvedError } from './resolve.ts';

const A = 1;
const AAAA = 28;

/**
 * Starts a name server on loopback: the same records for every name, and NXDOMAIN for a type without records. Questions for a type in
 * `ignored` are counted there and get no answer.
 */
async function nameServer(
  records: Record<number, number[][]>,
  ignored: Record<number, number> = {},
): Promise<string> {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const end = query.indexOf(0, 12) + 5; // the question: labels up to the empty one, type, class
    const type = query.readUInt16BE(end - 4);
    if (ignored[type] !== undefined) {
      ignored[type] += 1;
      return;
    }
    const answers = records[type] ?? [];
    const header = Buffer.from([
      0,
      0,
      0x81,
      answers.length > 0 ? 0x80 : 0x83,
      0,
      1,
      0,
      answers.length,
      0,
      0,
      0,
      0,
    ]);
    query.copy(header, 0, 0, 2);
    const rows = answers.map((bytes) =>
      // A pointer to the name in the question, the question's type and class, a TTL of 0, the data.
      Buffer.concat([
        Buffer.from([0xc0, 12]),
        query.subarray(end - 4, end),
        Buffer.from([0, 0, 0, 0, 0, bytes.length, ...bytes]),
      ]),
    );
    socket.send(Buffer.concat([header, query.subarray(12, end), ...rows]), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  onTestFinished(() => void socket.close());
  return `127.0.0.1:${socket.address().port}`;
}

const IPV6 = [0x26, 0x06, 0x47, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x11, 0x11];

test('a name resolves to all its addresses of both families', async () => {
  const resolve = dnsResolve([
    await nameServer({
      [A]: [
        [93, 184, 215, 14],
        [10, 0, 0, 1],
      ],
      [AAAA]: [IPV6],
    }),
  ]);
  expect(await resolve('hooks.example.com')).toEqual([
    { address: '93.184.215.14', family: 4 },
    { address: '10.0.0.1', family: 4 },
    { address: '2606:4700::1111', family: 6 },
  ]);
});

test('one family is enough', async () => {
  const resolve = dnsResolve([await nameServer({ [A]: [[93, 184, 215, 14]] })]);
  expect(await resolve('hooks.example.com')).toEqual([{ address: '93.184.215.14', family: 4 }]);
});

test.each([
  [A, [[93, 184, 215, 14]], AAAA, '93.184.215.14'],
  [AAAA, [IPV6], A, '2606:4700::1111'],
])(
  'records of type %i are not held up by a name server that ignores the other type',
  async (type, rows, other, address) => {
    const ignored = { [other]: 0 };
    const resolve = dnsResolve([await nameServer({ [type]: rows }, ignored)]);
    expect((await resolve('hooks.example.com')).map((found) => found.address)).toEqual([address]);
    // The third question is the last one, so the other look-up has not been given up.
    expect(ignored[other]).toBeLessThan(3);
  },
);

test('a name without an address rejects with the code of the DNS', async () => {
  const resolve = dnsResolve([await nameServer({})]);
  await expect(resolve('typo.example.com')).rejects.toThrow(UnresolvedError);
  await expect(resolve('typo.example.com')).rejects.toThrow(
    'typo.example.com could not be resolved (ENOTFOUND)',
  );
});
