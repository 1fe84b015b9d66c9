import type { Counter, Histogram } from 'prom-client';

/** Lists the members of a union of texts. A member that is left out, or one that is none, does not compile. */
export function everyMember<Member extends string>(members: Readonly<Record<Member, true>>): Member[] {
  return Object.keys(members) as Member[];
}

type LabelValues<Label extends string> = Readonly<Record<Label, readonly string[]>>;

function combinations<Label extends string>(labels: LabelValues<Label>): Record<Label, string>[] {
  let found: Record<string, string>[] = [{}];
  for (const [label, values] of Object.entries<readonly string[]>(labels))
    found = found.flatMap((before) => values.map((value) => ({ ...before, [label]: value })));
  return found as Record<Label, string>[];
}

/**
 * Makes a counter or a histogram show 0 for every combination of these values from the first scrape on. A series that begins with its
 * first event begins with 1, and `rate` and `increase` never see that event.
 *
 * @returns the metric.
 */
export function fromTheStart<Label extends string, Metric extends Counter<Label> | Histogram<Label>>(
  metric: Metric & (Counter<Label> | Histogram<Label>),
  labels: LabelValues<Label>,
): Metric {
  for (const one of combinations(labels)) {
    if ('zero' in metric) metric.zero(one);
    else metric.inc(one, 0);
  }
  return metric;
}
