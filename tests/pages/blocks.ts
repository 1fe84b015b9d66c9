import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..', '..');

export type Block = { language: string; text: string; firstLine: string };

/** The fenced blocks of a page of this repository, in order. `language` is empty for a bare fence. */
export function blocksOf(page: string): Block[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(/^```([^\n]*)\n(.*?)^```$/gms)].map(([, language = '', content = '']) => ({
    language: language.trim(),
    text: content,
    firstLine: content.split('\n', 1)[0] ?? '',
  }));
}

/** The blocks that a reader pastes into a terminal. */
export function shellBlocksOf(page: string): Block[] {
  return blocksOf(page).filter(({ language }) => language === 'sh');
}
