/** The part of a terminal that a bar needs. */
export type Screen = { isTTY?: boolean; write(text: string): unknown };

export type Progress = {
  /** @param done of the total; any unit. @param note what to say beside it, such as `430,000 rows`. */
  update(done: number, note: string): void;
  /** Takes the bar away. */
  end(): void;
};

const WIDTH = 24;
const EVERY_MS = 100;
const CLEAR = '\r\u001b[K';

/**
 * A bar on a terminal; nothing where there is none.
 *
 * @param options.total null when it is not known: then only the note is shown.
 */
export function createProgress(
  { screen = process.stderr, now = () => performance.now() }: { screen?: Screen; now?: () => number },
  { label, total }: { label: string; total: number | null },
): Progress {
  if (screen.isTTY !== true) return { update: () => undefined, end: () => undefined };
  const startedAt = now();
  let shownAt = Number.NEGATIVE_INFINITY;
  return {
    update(done, note) {
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
