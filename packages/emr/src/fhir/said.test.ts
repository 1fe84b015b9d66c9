import { expect, test } from 'vitest';
import { refusalSentence } from '../http/refusal-sentence.ts';
import { wordsOf } from './said.ts';

const outcome = (...issue: object[]) => JSON.stringify({ resourceType: 'OperationOutcome', issue });
const words = (body: string, secrets: string[] = []) => wordsOf({ body }, secrets);

test.each([
  [outcome({ diagnostics: 'HAPI-2788: Unknown\r\n ValueSet' }), 'HAPI-2788: Unknown ValueSet'],
  [outcome({ details: { text: 'One.' }, diagnostics: 'Two.' }, { diagnostics: 'Three.' }), 'One. Three.'],
  [
    '<html><title>502</title><style>p{}</style><script>go()</script><p>Bad\u0000 gateway</p>',
    '502 Bad gateway',
  ],
  ['no route', 'no route'],
  ['', ''],
  [`half ${'\ud83d'} \u202egnp`, 'half gnp'],
  ['<script>never closed', ''],
])('the words of %j are %j', (body, expected) => {
  expect(words(body)).toBe(expected);
});

test('words are cut at a code point, at 300', () => {
  const cut = words('😀'.repeat(301));
  expect([...cut]).toHaveLength(300);
  expect(cut.isWellFormed()).toBe(true);
  expect(cut.endsWith('😀…')).toBe(true);
  expect(words('😀'.repeat(300))).toBe('😀'.repeat(300));
});

test('a credential is taken out before anything is cut', () => {
  expect(words(`${'x'.repeat(295)} sesame and more`, ['sesame'])).not.toMatch(/ses/);
  expect(words(outcome({ diagnostics: 'Token sesame is no token.' }), ['sesame'])).toBe(
    'Token [credential] is no token.',
  );
});

test('a refusal is one sentence for the operator', () => {
  const request = 'GET /metadata';
  const detail = 'The EMR rejected our credentials (HTTP 401).';
  const sentence = (status: number | null, said: string) =>
    refusalSentence({ request, status, words: said }, { detail });
  expect(sentence(401, 'Token expired')).toBe(`GET /metadata answered HTTP 401: Token expired. ${detail}`);
  expect(sentence(401, 'Why?')).toBe(`GET /metadata answered HTTP 401: Why? ${detail}`);
  expect(sentence(401, '')).toBe(`GET /metadata answered HTTP 401 without a text. ${detail}`);
  expect(sentence(null, '')).toBe(`GET /metadata failed: ${detail}`);
});
