import { expect, test } from 'vitest';
import { createProgress } from './progress.ts';

function screen(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, written, write: (text: string) => written.push(text) };
}

test('shows how far it is on a terminal, and takes the bar away', () => {
  let now = 0;
  const terminal = screen(true);
  const bar = createProgress({ screen: terminal, now: () => now }, { label: 'patients', total: 200 });
  now = 1000;
  bar.update(50, '5,000 rows');
  now = 1010;
  bar.update(60, 'too soon');
  now = 4000;
  bar.update(200, '20,000 rows');
  bar.end();
  expect(terminal.written.map((text) => text.replace('\r\u001b[K', ''))).toEqual([
    'patients  [######------------------]  25 %  3 s left  5,000 rows',
    'patients  [########################] 100 %  20,000 rows',
    '',
  ]);
});

test('counts where the total is not known, and is silent where there is no terminal', () => {
  const terminal = screen(true);
  createProgress({ screen: terminal }, { label: 'patients', total: null }).update(0, '5,000 rows');
  expect(terminal.written).toEqual(['\r\u001b[Kpatients  5,000 rows']);
  const file = screen(false);
  const bar = createProgress({ screen: file }, { label: 'patients', total: 10 });
  bar.update(5, 'x');
  bar.end();
  expect(file.written).toEqual([]);
});
