import { expect, test } from 'vitest';
import { createProgress } from './progress.ts';

function screen(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, written, write: (text: string) => written.push(text) };
}

test('shows how far it is on a terminal, and removes the bar at the end', () => {
  let now = 0;
  const terminal = screen(true);
  const bar = createProgress({ screen: terminal, now: () => now }, { label: 'patients' });
  now = 1000;
  bar.update({ done: 50, total: 200, note: '5,000 rows' });
  now = 1010;
  bar.update({ done: 60, total: 200, note: 'too soon' });
  now = 4000;
  bar.update({ done: 200, total: 200, note: '20,000 rows' });
  bar.end();
  expect(terminal.written.map((text) => text.replace('\r\u001b[K', ''))).toEqual([
    'patients  [######------------------]  25 %  3 s left  5,000 rows',
    'patients  [########################] 100 %  20,000 rows',
    '',
  ]);
});

test('shows the note alone where the total is not known', () => {
  const terminal = screen(true);
  const bar = createProgress({ screen: terminal }, { label: 'patients' });
  bar.update({ done: 0, total: null, note: '5,000 rows' });
  expect(terminal.written).toEqual(['\r\u001b[Kpatients  5,000 rows']);
});

test('shows nothing where there is no terminal', () => {
  const file = screen(false);
  const bar = createProgress({ screen: file }, { label: 'patients' });
  bar.update({ done: 5, total: 10, note: 'x' });
  bar.end();
  expect(file.written).toEqual([]);
});
