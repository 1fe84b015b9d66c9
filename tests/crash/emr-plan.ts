import type { EmrTraits } from './records.ts';

/** The names that payments of a practice give. */
export type Names = {
  methods: readonly [string, ...string[]];
  /** True: the EMR takes every method. */
  anyMethod: boolean;
  locations: readonly [{ given: string; name: string }, ...{ given: string; name: string }[]];
};

/** A connection to an EMR, and what the suite must know of it. */
export type EmrPlan = Names & {
  adapter: string;
  baseUrl: string;
  credentials: Readonly<Record<string, string>>;
  settings: Readonly<Record<string, string | number | boolean>>;
  patientIdOf(place: number): string;
  emr: EmrTraits;
};
