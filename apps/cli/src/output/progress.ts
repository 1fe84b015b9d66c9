// By hand: cli-progress brings six packages, and two formats (with and without a total) and the test for a terminal would
// stay here; it would save about fifteen lines.

/** The part of a terminal that a bar needs. */
export type Screen = { isTTY?: boolean; write(text: string): unknown };

export type Progress = {
  /**
   * @param state.done of the total, in any unit.
   * @param state.total null when it is not known: then only the note is shown.
   * @param state.note shown beside the bar, such as `430,000 rows`.
   */
  update(state: { done: number; total: number | null; note: string }): void;
  /** Removes the bar. */
  end(): void;
};

const WIDTH = 24;
const EVERY_MS = 100;
const CLEAR = '\r\u001b[K';

/** Makes a bar on a terminal; on a screen that is no terminal it shows nothing. */
export function createProgress(
  { screen, now = () => performance.now() }: { screen: Screen; now?: () => number },
  { label }: { label: string },
): Progress {
  if (screen.isTTY !== true) return { update: () => undefined, end: () => undefined };
  const startedAt = now();
  let shownAt = Number.NEGATIVE_INFINITY;
  return {
    update({ done, total, note }) {
      const at = now();
      const last = total !== null && done >= total;
      if (at - shownAt < EVERY_MS && !last) return;
      shownAt = at;
      screen.write(`${CLEAR}${label}  ${total === null ? '' : bar(done / total, at - startedAt)}${note}`);
    },
    end() {
      screen.write(CLEAR);
    },
  };
}

function bar(share: number, elapsedMs: number): string {
  const part = Math.min(Math.max(share, 0), 1);
  const full = Math.round(part * WIDTH);
  const left = part > 0 && part < 1 ? `${Math.ceil((elapsedMs / part - elapsedMs) / 1000)} s left  ` : '';
  const percent = `${Math.floor(part * 100)}`.padStart(3);
  return `[${'#'.repeat(full)}${'-'.repeat(WIDTH - full)}] ${percent} %  ${left}`;
}
