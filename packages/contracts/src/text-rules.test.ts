import { expect, test } from 'vitest';
import { keepsTextRule, type TextRule, textOf } from './text-rules.ts';

/** The rules as single regular expressions, which only JavaScript with its `u` flag understands. */
const WHOLE: Record<TextRule, RegExp> = {
  line: /^(?=\s*\S)[^\p{Cc}\p{Cs}]*$/u,
  lines: /^(?:[\t\n\r]|[^\p{Cc}\p{Cs}])*$/u,
  label: /^[^\p{Cc}\p{Cs}]*$/u,
};

/** Every UTF-16 unit alone, between letters and among blanks, and the texts that have none. */
function* texts(): Generator<string> {
  yield '';
  yield '  ';
  yield '😀';
  yield 'a\ud83d';
  for (let unit = 0; unit <= 0xffff; unit += 1) {
    const character = String.fromCharCode(unit);
    yield character;
    yield `a${character}b`;
    yield `  ${character} `;
  }
}

test.each(Object.entries(WHOLE) as [TextRule, RegExp][])('%s', (rule, whole) => {
  const pattern = new RegExp(textOf(rule).pattern);
  let refused = 0;
  for (const text of texts()) {
    const isKept = keepsTextRule(rule, text);
    if (isKept !== whole.test(text)) expect.fail(`the rule differs for ${JSON.stringify(text)}`);
    // The document must not forbid what the API accepts.
    if (isKept && !pattern.test(text)) expect.fail(`the pattern refuses ${JSON.stringify(text)}`);
    if (!isKept) refused += 1;
  }
  expect(refused).toBeGreaterThan(2 * 0x800);
});
