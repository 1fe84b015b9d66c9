import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createNews, type News } from './news.ts';

let news: News;
beforeEach(() => {
  vi.useFakeTimers();
  news = createNews({ quietMs: 1_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

test('an error is news when none like it was in the last while', () => {
  expect(news.isNews(new Error('away'))).toBe(true);
  vi.advanceTimersByTime(999);
  expect(news.isNews(new Error('away'))).toBe(false);
  expect(news.isNews(new Error('no rights'))).toBe(true);
  vi.advanceTimersByTime(1);
  expect(news.isNews(new Error('away'))).toBe(true);
  expect(news.isNews(new Error('away'))).toBe(false);
});

test('after its end, the same trouble is news', () => {
  news.isNews(new Error('away'));
  news.over();
  expect(news.isNews(new Error('away'))).toBe(true);
});

test('errors that are all different do not fill the memory', () => {
  for (let n = 0; n < 50; n += 1) news.isNews(new Error(`row ${n}`));
  expect(news.isNews(new Error('row 0'))).toBe(false);
  news.isNews(new Error('row 50'));
  expect(news.isNews(new Error('row 0'))).toBe(true);
});
