import { expect } from 'vitest';
import type { EmrAdapter } from '../adapter.ts';
import type { ListedPatient, ListPatientsOutcome } from '../patients.ts';
import { type Context, quiet } from './rule.ts';
import type { PatientList } from './under-test.ts';

export type Page = Extract<ListPatientsOutcome, { outcome: 'page' }>;
type Input = Parameters<NonNullable<EmrAdapter['listPatients']>>[0];

/** More pages than a practice of the suite has. */
const MANY_PAGES = 1000;

/** Asks for a page. @throws Error when the adapter has no list: such a rule does not concern it. */
export async function ask(
  adapter: EmrAdapter,
  input: Partial<Input> = {},
  options = quiet(),
): Promise<ListPatientsOutcome> {
  if (adapter.listPatients === undefined) throw new Error('the adapter has no listPatients');
  return adapter.listPatients({ since: null, cursor: null, ...input }, options);
}

/** Asks for a page that must come. */
export async function pageOf(adapter: EmrAdapter, input: Partial<Input> = {}): Promise<Page> {
  const outcome = await ask(adapter, input);
  if (outcome.outcome !== 'page') throw new Error(JSON.stringify(outcome));
  return outcome;
}

/** Reads a list to its end. @param input.adapterFor opens the adapter for each page. */
export async function readAll({
  adapterFor,
  since = null,
  afterFirst,
}: {
  adapterFor: () => EmrAdapter;
  since?: string | null;
  afterFirst?: () => Promise<unknown>;
}): Promise<Page[]> {
  const pages = [await pageOf(adapterFor(), { since })];
  await afterFirst?.();
  for (let cursor = pages[0]?.next ?? null; cursor !== null; cursor = pages.at(-1)?.next ?? null) {
    if (pages.length === MANY_PAGES) throw new Error('the list has no end');
    pages.push(await pageOf(adapterFor(), { since, cursor }));
  }
  return pages;
}

export const listOf = ({ emr }: Context): PatientList => {
  if (emr.patientList === undefined) throw new Error('an adapter with listPatients needs `patientList`');
  return emr.patientList;
};

/** Reads the whole list with one adapter. */
export async function whole(context: Context, input: { since?: string | null } = {}): Promise<Page[]> {
  await listOf(context).fill();
  const adapter = context.open();
  return readAll({ adapterFor: () => adapter, ...input });
}

const keyOf = ({ mrn, emrPatientId }: ListedPatient): string => JSON.stringify([mrn, emrPatientId]);
const byKey = (a: ListedPatient, b: ListedPatient) => (keyOf(a) < keyOf(b) ? -1 : 1);

/** The rows of the patients whom nothing changes, as often as they are there. */
export function steadyIn(pages: readonly Page[], { steady }: PatientList): ListedPatient[] {
  const wanted = new Set(steady.map(keyOf));
  return pages.flatMap(({ patients }) => patients.filter((each) => wanted.has(keyOf(each)))).sort(byKey);
}

/** Demands that the pages have every steady patient once, as they are. */
export function expectSteady(pages: readonly Page[], list: PatientList): void {
  expect(steadyIn(pages, list)).toEqual([...list.steady].sort(byKey));
}

/** The last of the rows about one patient: a record that changes while the list is read may be in it twice. */
export const lastOf = (pages: readonly Page[], { emrPatientId }: ListedPatient) =>
  pages.flatMap(({ patients }) => patients).findLast((each) => each.emrPatientId === emrPatientId);
