import { expect, test } from 'vitest';
import { createClosingHosts } from './closing-hosts.ts';

const MINUTE = 60_000;
const host = { hostname: 'hooks.example.test', port: 443 };

function atTime() {
  let now = 0;
  const hosts = createClosingHosts({ clock: () => now });
  const pass = (ms: number) => {
    now += ms;
  };
  /** For how many minutes the host stays noted. */
  const minutes = () => {
    let count = 0;
    while (hosts.has(host)) {
      pass(MINUTE);
      count += 1;
    }
    return count;
  };
  return { hosts, pass, minutes };
}

test('a host is noted for a minute, and no other one', () => {
  const { hosts, pass } = atTime();
  expect(hosts.has(host)).toBe(false);
  hosts.note(host);
  expect([host, { ...host, port: 8443 }, { ...host, hostname: 'a.example.test' }].map(hosts.has)).toEqual([
    true,
    false,
    false,
  ]);
  pass(MINUTE - 1);
  expect(hosts.has(host)).toBe(true);
  pass(1);
  expect(hosts.has(host)).toBe(false);
});

test('one that does it again soon is noted for twice as long, up to an hour', () => {
  const { hosts, minutes } = atTime();
  const noted = Array.from({ length: 8 }, () => {
    hosts.note(host);
    return minutes();
  });
  expect(noted).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
});

test('several at once count once', () => {
  const { hosts, pass, minutes } = atTime();
  hosts.note(host);
  pass(MINUTE / 2);
  hosts.note(host);
  pass(MINUTE / 2);
  expect(minutes()).toBe(0);
});

test('one that was well for a while begins with a minute', () => {
  const { hosts, pass, minutes } = atTime();
  hosts.note(host);
  minutes();
  hosts.note(host);
  expect(minutes()).toBe(2);
  pass(2 * MINUTE);
  hosts.note(host);
  expect(minutes()).toBe(1);
});

test('of too many hosts, the one noted first is forgotten', () => {
  const hosts = createClosingHosts();
  for (let port = 0; port <= 1000; port += 1) hosts.note({ ...host, port });
  expect([0, 1, 1000].map((port) => hosts.has({ ...host, port }))).toEqual([false, true, true]);
});
