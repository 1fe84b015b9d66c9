import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { PUBLISHED_BODY, publishedCurl, publishedCurlInOneLine } from './published-curl.ts';

const credentials = { client_id: 'ci_1', client_secret: 'cs_2', access_token: 'at_3' };

/** The arguments that a shell passes to curl. */
function argumentsOf(command: string): string[] {
  const echo = `curl() { printf '%s\\0' "$@"; }\n${command}`;
  return execFileSync('/bin/sh', ['-c', echo], { encoding: 'utf8' }).split('\0').slice(0, -1);
}

describe.each([
  ['over several lines', publishedCurl],
  ['in one line', publishedCurlInOneLine],
])('the published curl %s', (_how, write) => {
  test('reaches curl through a shell with its headers and its body intact', () => {
    const given = argumentsOf(write('http://127.0.0.1:3000', credentials));
    expect(given.slice(0, 3)).toEqual(['-X', 'POST', 'http://127.0.0.1:3000/v1/payments']);
    expect(given).toEqual(
      expect.arrayContaining([
        'client_id: ci_1',
        'client_secret: cs_2',
        'access_token: at_3',
        'Content-Type: application/json',
      ]),
    );
    expect(JSON.parse(given.at(-1) ?? '')).toEqual(PUBLISHED_BODY);
  });
});

test('publishedCurlInOneLine contains no line break', () => {
  expect(publishedCurlInOneLine('http://127.0.0.1:3000', credentials)).not.toContain('\n');
});
