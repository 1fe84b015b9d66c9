import { expect, test } from 'vitest';
import { checkUrl } from './check-url.ts';
import { targetOf } from './target.ts';

const nobody = { allowHosts: [] };

test.each([
  [
    'https://hooks.example.com/in?a=1#part',
    { secure: true, hostname: 'hooks.example.com', port: 443, path: '/in?a=1' },
  ],
  ['https://[2606:4700::1111]:8443', { secure: true, hostname: '2606:4700::1111', port: 8443, path: '/' }],
])('%s leads to its host and port', (url, target) => {
  expect(targetOf(url, nobody)).toEqual({ ok: true, target });
});

test('each policy decides for itself, however often it is asked', () => {
  const [vouching, refusing] = [{ allowHosts: ['inbox:4020'] }, { allowHosts: [] }];
  const url = 'http://inbox:4020/';
  for (let n = 0; n < 3; n += 1) {
    expect(targetOf(url, vouching)).toMatchObject({ ok: true, target: { hostname: 'inbox', port: 4020 } });
    expect(targetOf(url, refusing)).toEqual(checkUrl(url, refusing));
    expect(targetOf(url, refusing)).toMatchObject({ ok: false, reason: 'host_name' });
  }
});

test('URLs that differ in anything are different, and more of them than are remembered are all answered right', () => {
  const url = (n: number) => `https://hooks.example.com/${n}`;
  const pathOf = (text: string) => {
    const checked = targetOf(text, nobody);
    return checked.ok && checked.target.path;
  };
  for (const round of [1, 2]) {
    for (let n = 0; n < 2_500; n += 1) expect(pathOf(url(n)), `round ${round}`).toBe(`/${n}`);
  }
  expect(pathOf('https://hooks.example.com/1')).toBe('/1');
  expect(pathOf('https://hooks.example.com/1 ')).toBe(false);
  expect(pathOf('https://hooks.example.com/1?')).toBe('/1');
});
