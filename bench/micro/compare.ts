import { median } from '../report/statistics.ts';

type Size = { requests: number; atOnce: number; rounds: number };

/** @returns microseconds of this process's processor time for each request. */
async function round(one: () => Promise<unknown>, { requests, atOnce }: Size): Promise<number> {
  let left = requests;
  const before = process.cpuUsage();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left-- > 0) await one();
    }),
  );
  const { user, system } = process.cpuUsage(before);
  return (user + system) / requests;
}

/** Makes the requests of the contenders in rounds that alternate, and prints the median of each with the least and the most. */
export async function compare(
  contenders: Readonly<Record<string, () => Promise<unknown>>>,
  size: Size,
): Promise<void> {
  const times = new Map<string, number[]>(Object.keys(contenders).map((name) => [name, []]));
  // The first round warms up and does not count.
  for (let n = 0; n <= size.rounds; n += 1) {
    for (const [name, one] of Object.entries(contenders)) {
      const us = await round(one, size);
      if (n > 0) times.get(name)?.push(us);
    }
  }
  for (const [name, all] of times) {
    const [least, most] = [Math.min(...all), Math.max(...all)].map((us) => us.toFixed(0));
    process.stdout.write(
      `${name.padEnd(30)}${median(all).toFixed(1).padStart(7)} µs (${least} to ${most})\n`,
    );
  }
}
