import { expect } from 'vitest';
import type { EmrAdapter } from '../../adapter.ts';
import type { ListedPatient } from '../../patients.ts';
import type { BreakServer, WireAnswer } from '../break-server.ts';
import { FAULTS, type Fault, SHORT_MS, UNREACHABLE } from '../faults.ts';
import {
  ask,
  expectSteady,
  lastOf,
  listOf,
  type Page,
  pageOf,
  readAll,
  steadyIn,
  whole,
} from '../read-patient-list.ts';
import type { Context, Rule } from '../rule.ts';
import type { PatientList, UnderTest } from '../under-test.ts';

const PAGE_KEYS = ['next', 'outcome', 'patients', 'unreadable', 'watermark'];
const PATIENT_KEYS = ['emrPatientId', 'into', 'mrn', 'state'];

const reading: Rule[] = [
  {
    name: 'patient list: every patient is in it once, with number, id and state, on more than one page',
    async run(context) {
      const pages = await whole(context);
      expect(pages.length).toBeGreaterThan(1);
      expectSteady(pages, listOf(context));
      expect(pages.map(({ unreadable }) => unreadable)).toEqual(pages.map(() => 0));
    },
  },
  {
    name: 'patient list: nothing else of a patient is in the outcome',
    async run(context) {
      for (const page of await whole(context)) {
        expect(Object.keys(page).sort()).toEqual(PAGE_KEYS);
        const keys = page.patients.flatMap((patient) => Object.keys(patient));
        expect(keys.filter((key) => !PATIENT_KEYS.includes(key))).toEqual([]);
        expect(listOf(context).marks.filter((mark) => JSON.stringify(page).includes(mark))).toEqual([]);
      }
    },
  },
  {
    name: 'patient list: a cursor leads on in an adapter that was opened after a restart',
    async run(context) {
      await listOf(context).fill();
      expectSteady(await readAll({ adapterFor: () => context.open() }), listOf(context));
    },
  },
  {
    name: 'patient list: a page that is read again has the same patients',
    async run(context) {
      await listOf(context).fill();
      const adapter = context.open();
      const { next: cursor } = await pageOf(adapter);
      const first = await pageOf(adapter, { cursor });
      const again = await pageOf(adapter, { cursor });
      expect(steadyIn([first], listOf(context))).not.toEqual([]);
      expect(steadyIn([again], listOf(context))).toEqual(steadyIn([first], listOf(context)));
    },
  },
  {
    name: 'patient list: a cursor that the EMR does not know is cursor_expired',
    async run({ open }) {
      const outcome = await ask(open(), { cursor: 'no cursor' });
      expect(outcome).toMatchObject({ outcome: 'unavailable', code: 'cursor_expired' });
    },
  },
  {
    name: 'patient list: a list that is aborted is unavailable',
    async run({ open }) {
      const outcome = await ask(open(), {}, { signal: AbortSignal.abort() });
      expect(outcome.outcome).toBe('unavailable');
    },
  },
  {
    name: 'patient list: it sends nothing',
    async run(context) {
      const { emr, server } = context;
      const before = server.seen.length;
      await whole(context);
      const sent = server.seen.slice(before);
      expect(sent).not.toEqual([]);
      expect(sent.filter((request) => emr.isSend(request))).toEqual([]);
    },
  },
  {
    name: 'patient list: a record to which no payment should go is closed',
    async run(context) {
      const closed = await listOf(context).closed();
      expect(lastOf(await whole(context), closed)).toEqual(closed);
    },
  },
  {
    name: 'patient list: a record that was merged into another one is merged, with the id of that one',
    concerns: ({ patientList }) => patientList?.merged !== undefined,
    async run(context) {
      const merged = await listOf(context).merged?.();
      if (merged === undefined) throw new Error('the EMR does not show what was merged');
      expect(lastOf(await whole(context), merged)).toEqual(merged);
    },
  },
];

const showsChanges = ({ patientList }: UnderTest): boolean => patientList?.changes === true;

const changes: Rule[] = [
  {
    name: 'patient list: all pages of a run have one watermark, and since it come those who changed, and not all others',
    concerns: showsChanges,
    async run(context) {
      const list = listOf(context);
      const pages = await whole(context);
      const { watermark } = pages[0] as Page;
      expect(watermark).not.toBeNull();
      expect(pages.map((page) => page.watermark)).toEqual(pages.map(() => watermark));
      const changed = await list.changed();
      const since = await whole(context, { since: watermark });
      expect(lastOf(since, changed)).toEqual(changed);
      const old = new Set(list.untouched);
      const listed = since.flatMap(({ patients }) => patients.map(({ emrPatientId }) => emrPatientId));
      expect(listed.filter((id) => old.has(id))).toEqual([]);
    },
  },
  {
    name: 'patient list: a change while a list is read is in the next list',
    concerns: showsChanges,
    async run(context) {
      const list = listOf(context);
      await list.fill();
      const adapter = context.open();
      let changed: ListedPatient | undefined;
      const pages = await readAll({
        adapterFor: () => adapter,
        afterFirst: async () => {
          changed = await list.changed();
        },
      });
      const since = await whole(context, { since: pages.at(-1)?.watermark ?? null });
      expect(lastOf(since, changed as ListedPatient)).toEqual(changed);
    },
  },
  {
    name: 'patient list: an EMR that cannot list changes gives no watermark',
    concerns: (emr) => !showsChanges(emr),
    async run(context) {
      const pages = await whole(context);
      expect(pages.map(({ watermark }) => watermark)).toEqual(pages.map(() => null));
    },
  },
];

/** Breaks the server, and demands that neither the first page nor a later one comes. */
async function neverComes(
  context: Context,
  { arm, timeoutMs }: { arm(server: BreakServer): void; timeoutMs?: number },
): Promise<void> {
  const { open, server } = context;
  await listOf(context).fill();
  const { next } = await pageOf(open());
  arm(server);
  for (const cursor of [null, next]) {
    const outcome = await ask(open(timeoutMs === undefined ? {} : { timeoutMs }), { cursor });
    expect(outcome.outcome).toBe('unavailable');
  }
}

const armed = (fault: Fault): Rule => {
  const name = `patient list, ${fault.name}`;
  if (!fault.find.includes('found')) {
    const limit = fault.endsByTimeout ? { timeoutMs: SHORT_MS } : {};
    return {
      name: `${name}: unavailable, never a shorter list`,
      run: (context) => neverComes(context, { arm: (server) => fault.arm(server), ...limit }),
    };
  }
  return {
    name: `${name}: the whole list or unavailable`,
    async run(context) {
      await listOf(context).fill();
      fault.arm(context.server);
      const adapter = context.open();
      const first = await ask(adapter);
      if (first.outcome === 'page')
        expectSteady(await readAll({ adapterFor: () => adapter }), listOf(context));
    },
  };
};

const FROM_CACHE = {
  name: 'a page from a cache',
  change: (answer: WireAnswer): WireAnswer => ({ ...answer, headers: { ...answer.headers, age: '60' } }),
};

const faults = ({ unclear, unreadable }: PatientList): Rule[] => [
  ...FAULTS.map(armed),
  ...UNREACHABLE.map(
    ({ name, urlOf }): Rule => ({
      name: `patient list, ${name}: unavailable, never a shorter list`,
      async run({ server, open }) {
        expect((await ask(open({ baseUrl: urlOf(server) }))).outcome).toBe('unavailable');
      },
    }),
  ),
  ...[...unclear, FROM_CACHE].map(
    ({ name, change }): Rule => ({
      name: `patient list: ${name}: unavailable`,
      run: (context) => neverComes(context, { arm: (server) => server.changeAnswers(change) }),
    }),
  ),
  ...unreadable.map(
    ({ name, change }): Rule => ({
      name: `patient list: ${name}: counted, and the others are listed`,
      async run(context) {
        await listOf(context).fill();
        const honest = await pageOf(context.open());
        context.server.changeAnswers(change);
        const page = await pageOf(context.open());
        expect(page.unreadable).toBe(1);
        expect(page.patients.length).toBe(honest.patients.length - 1);
      },
    }),
  ),
];

/**
 * Rules for an adapter that lists patients: payments go to whom it lists, and whom a complete list lacks counts as gone. @throws Error
 * when the server's description does not say which patients it has.
 */
export function patientListRules({ patientList }: UnderTest, adapter: EmrAdapter): readonly Rule[] {
  if (adapter.listPatients === undefined) return [];
  if (patientList === undefined)
    throw new Error('an adapter with listPatients needs `patientList` in UnderTest');
  return [...reading, ...changes, ...faults(patientList)];
}
