import type { RateBucket } from '../calls.ts';

const UNITS: ReadonlyMap<number, string> = new Map([
  [1000, 'a second'],
  [60_000, 'a minute'],
  [3_600_000, 'an hour'],
]);

/** Says the windows of a limit in words. @param of what they are counted for, such as `for the API key`. */
export const limitTexts = (windows: RateBucket['windows'], of: string): string[] =>
  windows.map(
    ({ calls, perMs }) =>
      `${calls} ${calls === 1 ? 'request' : 'requests'} ${UNITS.get(perMs) ?? `in any ${perMs / 1000} seconds`} ${of}`,
  );
