import type { FastifyInstance } from 'fastify';
import { officeDateTime } from './office-time.ts';
import { PAT_STATUSES, type PatientRecords, type PatientRow, type PatStatus } from './patient-records.ts';
import { ApiProblem, badRequest } from './problem.ts';
import { only, pageOf, type Query, trueOrFalse } from './query.ts';

const contains = (text: string, part: string | undefined) =>
  part === undefined || text.toLowerCase().includes(part.toLowerCase());

/** The statuses that a search leaves out: deleted patients always, archived and deceased ones unless they are asked for. */
function hidden(query: Query): ReadonlySet<PatStatus> {
  return new Set<PatStatus>([
    'Deleted',
    ...(trueOrFalse(query, 'showArchived') ? [] : (['Archived', 'Deceased'] as const)),
    ...(trueOrFalse(query, 'hideInactive') ? (['Inactive'] as const) : []),
  ]);
}

/** @throws ApiProblem when the parameter is there and is none of the documented ones. */
function statusIn(query: Query): PatStatus | undefined {
  const text = only(query, 'PatStatus');
  if (text === undefined) return undefined;
  const status = PAT_STATUSES.find((each) => each === text);
  if (status === undefined || status === 'Deleted') throw badRequest('PatStatus is invalid.');
  return status;
}

/** Records have no time of change: one that was there at the start was changed then, a later one when it is first seen. */
function changeTimes(patients: PatientRecords): (row: PatientRow) => string {
  const times = new Map<number, string>();
  const changed = ({ PatNum }: PatientRow) => {
    const time = times.get(PatNum) ?? officeDateTime(new Date());
    times.set(PatNum, time);
    return time;
  };
  for (const row of patients.all()) changed(row);
  return changed;
}

/** Patients: GET (single), GET Simple and GET (multiple) (https://www.opendental.com/site/apipatients.html). */
export async function patientRoutes(
  app: FastifyInstance,
  { patients }: { patients: PatientRecords },
): Promise<void> {
  // The search is that of the Patient Select window: partial, and without case. A filter of another name is ignored.
  app.get<{ Querystring: Query }>('/api/v1/patients', async ({ query }) => {
    const left = hidden(query);
    const rows = patients
      .all()
      .filter(
        (row) =>
          !left.has(row.PatStatus) &&
          contains(row.LName, only(query, 'LName')) &&
          contains(row.FName, only(query, 'FName')) &&
          contains(row.ChartNumber, only(query, 'ChartNumber')),
      );
    return pageOf(query, rows);
  });

  const changed = changeTimes(patients);
  app.get<{ Querystring: Query }>('/api/v1/patients/Simple', async ({ query }) => {
    const since = only(query, 'DateTStamp');
    if (since !== undefined && !/^\d{4}-\d{2}-\d{2}( \d{2}:\d{2}:\d{2})?$/.test(since))
      throw badRequest('DateTStamp must be in the format yyyy-MM-dd HH:mm:ss.');
    const status = statusIn(query);
    // It has no filter for chart numbers.
    const rows = patients
      .all()
      .filter(
        (row) =>
          row.PatStatus !== 'Deleted' &&
          (status === undefined || row.PatStatus === status) &&
          contains(row.LName, only(query, 'LName')) &&
          contains(row.FName, only(query, 'FName')) &&
          (since === undefined || changed(row) >= since),
      );
    const serverDateTime = officeDateTime(new Date());
    return pageOf(query, rows).map((row) => ({ ...row, DateTStamp: changed(row), serverDateTime }));
  });

  app.get<{ Params: { patNum: string } }>('/api/v1/patients/:patNum', async ({ params }) => {
    if (!/^\d{1,19}$/.test(params.patNum)) throw badRequest(`${params.patNum} is not a valid method.`);
    const row = patients.byPatNum(Number(params.patNum));
    if (row === undefined) throw new ApiProblem(404, 'Patient not found.');
    return row;
  });
}
