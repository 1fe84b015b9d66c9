import {
  MADE_NUMBERS,
  type MadeRange,
  madeId,
  madePatient,
  madeRanges,
  placeInId,
  placeInMrn,
} from './made-patients.ts';
import { isOnFile, type Patient, updatedAtOf } from './patient.ts';

/** One record, or made patients in a row that nobody has changed. */
type Segment = Patient | MadeRange;
/** Where a page begins: behind the record with this number (and, by update, with this time). */
export type Place = { number: number; at?: string };

export type Question = {
  /** `number`: in the order of their numbers. `update`: by the time of the last change, and then by number. */
  order: 'number' | 'update';
  keeps(patient: Patient): boolean;
  /** True when `keeps` looks at nothing by which the made patients of one range differ: it then decides about them at once. */
  alike: boolean;
  /** The page begins behind this place … */
  after?: Place | undefined;
  /** … or behind this many of the patients that `keeps` takes. */
  offset?: number | undefined;
  limit: number;
};

const isRange = (segment: Segment): segment is MadeRange => 'to' in segment;

/**
 * Keeps the patients of the practice: those that a seed or a person added, and those that are made by number, of which only the changed
 * ones are in memory. A number is given once: no change and no restart gives it to another patient.
 */
export class PatientRoll {
  readonly #kept = new Map<string, Patient>();
  readonly #numbers = new Map<string, number>();
  readonly #ids: string[] = [];
  readonly #byMrn = new Map<string, Set<string>>();
  readonly #made: MadeRange[] = [];
  #segments: { number: Segment[]; update: Segment[] } | null = null;

  put(patient: Patient): void {
    const before = this.#kept.get(patient.id);
    if (before?.mrn !== undefined) this.#byMrn.get(before.mrn)?.delete(before.id);
    if (patient.mrn !== undefined) {
      const ids = this.#byMrn.get(patient.mrn) ?? new Set();
      this.#byMrn.set(patient.mrn, ids.add(patient.id));
    }
    this.#kept.set(patient.id, patient);
    this.#segments = null;
    if (this.#madeAt(patient.id) !== undefined || this.#numbers.has(patient.id)) return;
    this.#ids.push(patient.id);
    this.#numbers.set(patient.id, this.#ids.length);
  }

  /** Makes patients by number until there are `upTo` of them. There are never fewer than before. */
  make(upTo: number, at: string): void {
    const from = this.madeCount() + 1;
    this.#made.push(...madeRanges({ from, to: upTo, at }));
    this.#segments = null;
  }
  /**
   * The time of a change that is made now. It is behind that of every made patient: many that are made at once have update times a
   * little ahead of the clock.
   */
  stamp(now: Date = new Date()): string {
    const last = this.#made.at(-1);
    const after = last === undefined ? 0 : Date.parse(last.at) + 1;
    return new Date(Math.max(now.getTime(), after)).toISOString();
  }
  madeCount(): number {
    return this.#made.at(-1)?.to ?? 0;
  }

  #madeAt(id: string): string | undefined {
    const place = placeInId(id);
    if (place === undefined || place > this.madeCount()) return undefined;
    let [low, high] = [0, this.#made.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#made[middle] as MadeRange).to < place) low = middle + 1;
      else high = middle;
    }
    return this.#made[low]?.at;
  }

  /** Any record, also of a patient that was deleted or merged. */
  record(id: string): Patient | undefined {
    const kept = this.#kept.get(id);
    if (kept !== undefined) return kept;
    const at = this.#madeAt(id);
    return at === undefined ? undefined : madePatient(placeInId(id) as number, at);
  }
  recordByNumber(number: number): Patient | undefined {
    const id = number > MADE_NUMBERS ? madeId(number - MADE_NUMBERS) : this.#ids[number - 1];
    return id === undefined ? undefined : this.record(id);
  }
  /** The record of a patient on file, who can pay. */
  get(id: string): Patient | undefined {
    const record = this.record(id);
    return record !== undefined && isOnFile(record) ? record : undefined;
  }
  byNumber(number: number): Patient | undefined {
    const record = this.recordByNumber(number);
    return record !== undefined && isOnFile(record) ? record : undefined;
  }
  /** The integer id of a patient, for dialects that have such ids. */
  numberOf(id: string): number | undefined {
    const place = this.#madeAt(id) === undefined ? undefined : placeInId(id);
    return place === undefined ? this.#numbers.get(id) : MADE_NUMBERS + place;
  }
  /** Every record with the MRN, in the order of their numbers. */
  withMrn(mrn: string): Patient[] {
    const ids = new Set(this.#byMrn.get(mrn));
    const place = placeInMrn(mrn);
    if (place !== undefined && !this.#kept.has(madeId(place))) ids.add(madeId(place));
    return [...ids]
      .flatMap((id) => this.record(id) ?? [])
      .sort((a, b) => (this.numberOf(a.id) as number) - (this.numberOf(b.id) as number));
  }
  /** Every record that is in memory: all that can have other identifiers than an MRN. */
  kept(): Iterable<Patient> {
    return this.#kept.values();
  }

  #numberOf(segment: Segment): number {
    return isRange(segment) ? MADE_NUMBERS + segment.from : (this.numberOf(segment.id) as number);
  }

  /** The roll in both orders. Ranges are cut where one of their patients was changed. */
  #ordered(): { number: Segment[]; update: Segment[] } {
    if (this.#segments !== null) return this.#segments;
    const kept = [...this.#kept.values()];
    const changed = kept
      .flatMap(({ id }) => (this.#madeAt(id) === undefined ? [] : [placeInId(id) as number]))
      .sort((a, b) => a - b);
    const ranges: MadeRange[] = [];
    let next = 0;
    for (const { from, to, at } of this.#made) {
      let start = from;
      for (; (changed[next] ?? Number.POSITIVE_INFINITY) <= to; next += 1) {
        const place = changed[next] as number;
        if (place > start) ranges.push({ from: start, to: place - 1, at });
        start = place + 1;
      }
      if (start <= to) ranges.push({ from: start, to, at });
    }
    const all: Segment[] = [...kept, ...ranges];
    const timeOf = (segment: Segment) => (isRange(segment) ? segment.at : updatedAtOf(segment));
    const byNumber = (a: Segment, b: Segment) => this.#numberOf(a) - this.#numberOf(b);
    const byUpdate = (a: Segment, b: Segment) =>
      timeOf(a) === timeOf(b) ? byNumber(a, b) : timeOf(a) < timeOf(b) ? -1 : 1;
    this.#segments = { number: all.toSorted(byNumber), update: all.toSorted(byUpdate) };
    return this.#segments;
  }

  /** The part of a segment that is behind a place; null when nothing of it is. */
  #behind(segment: Segment, { order, after }: Pick<Question, 'order' | 'after'>): Segment | null {
    if (after === undefined) return segment;
    const time = isRange(segment) ? segment.at : updatedAtOf(segment);
    const at = order === 'update' ? (after.at ?? time) : time;
    if (time !== at) return time > at ? segment : null;
    if (!isRange(segment)) return this.#numberOf(segment) > after.number ? segment : null;
    const from = Math.max(segment.from, after.number - MADE_NUMBERS + 1);
    return from > segment.to ? null : { ...segment, from };
  }

  /** One page of the patients that the question keeps; `more` is true when others follow. */
  page(question: Question): { rows: Patient[]; more: boolean } {
    const { order, keeps, alike, limit } = question;
    const rows: Patient[] = [];
    let skip = question.offset ?? 0;
    for (const whole of this.#ordered()[order]) {
      const segment = this.#behind(whole, question);
      if (segment === null) continue;
      if (!isRange(segment)) {
        if (!keeps(segment)) continue;
        if (skip > 0) skip -= 1;
        else if (rows.push(segment) > limit) break;
        continue;
      }
      if (alike && !keeps(madePatient(segment.from, segment.at))) continue;
      const jump = alike ? Math.min(skip, segment.to - segment.from + 1) : 0;
      skip -= jump;
      for (let place = segment.from + jump; place <= segment.to && rows.length <= limit; place += 1) {
        const patient = madePatient(place, segment.at);
        if (!alike && !keeps(patient)) continue;
        if (skip > 0) skip -= 1;
        else rows.push(patient);
      }
      if (rows.length > limit) break;
    }
    return { rows: rows.slice(0, limit), more: rows.length > limit };
  }

  /** How many patients the question keeps. */
  count({ keeps, alike }: Pick<Question, 'keeps' | 'alike'>): number {
    let count = 0;
    for (const segment of this.#ordered().number) {
      if (!isRange(segment)) count += keeps(segment) ? 1 : 0;
      else if (alike)
        count += keeps(madePatient(segment.from, segment.at)) ? segment.to - segment.from + 1 : 0;
      else
        for (let place = segment.from; place <= segment.to; place += 1)
          count += keeps(madePatient(place, segment.at)) ? 1 : 0;
    }
    return count;
  }
}
