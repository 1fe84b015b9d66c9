import type { FastifyInstance } from 'fastify';
import { officeDateTime } from './office-time.ts';
import { PAT_STATUSES, type PatientRecords, type PatientRow, type PatStatus } from './patient-records.ts';
import { ApiProblem, badRequest } from './problem.ts';
import { day, only, placeOf, type Query, trueOrFalse } from './query.ts';

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

/** Patients: GET (single), GET Simple and GET (multiple) (https://www.opendental.com/site/apipatients.html). */
export async function patientRoutes(
  app: FastifyInstance,
  { patients }: { patients: PatientRecords },
): Promise<void> {
  const isNamed = (row: PatientRow, query: Query) =>
    contains(row.LName, only(query, 'LName')) && contains(row.FName, only(query, 'FName'));
  const asksName = (query: Query) => query.LName !== undefined || query.FName !== undefined;

  // The search is that of the Patient Select window: partial, and without case, and it does not show merged patients
  // (`Patients.GetPtDataTable` of OpenDental/opendental). A filter of another name is ignored.
  app.get<{ Querystring: Query }>('/api/v1/patients', async ({ query }) => {
    const left = hidden(query);
    const page = patients.page({
      ...placeOf(query),
      alike: !asksName(query) && query.ChartNumber === undefined,
      keeps: (row, { merged }) =>
        !merged &&
        !left.has(row.PatStatus) &&
        isNamed(row, query) &&
        contains(row.ChartNumber, only(query, 'ChartNumber')),
    });
    return page.map(({ row }) => row);
  });

  app.get<{ Querystring: Query }>('/api/v1/patients/Simple', async ({ query }) => {
    const since = only(query, 'DateTStamp');
    if (since !== undefined && !/^\d{4}-\d{2}-\d{2}( \d{2}:\d{2}:\d{2})?$/.test(since))
      throw badRequest('DateTStamp must be in the format yyyy-MM-dd HH:mm:ss.');
    const status = statusIn(query);
    const born = day(query, 'Birthdate');
    // Read before the page: what changes while it is made is in the next list since then.
    const serverDateTime = officeDateTime(new Date());
    // It has no filter for chart numbers.
    const page = patients.page({
      ...placeOf(query),
      alike: !asksName(query),
      keeps: (row, { changedAt }) =>
        row.PatStatus !== 'Deleted' &&
        (status === undefined || row.PatStatus === status) &&
        (born === undefined || row.Birthdate === born) &&
        isNamed(row, query) &&
        (since === undefined || changedAt >= since),
    });
    return page.map(({ row, changedAt }) => ({ ...row, DateTStamp: changedAt, serverDateTime }));
  });

  app.get<{ Params: { patNum: string } }>('/api/v1/patients/:patNum', async ({ params }) => {
    if (!/^\d{1,19}$/.test(params.patNum)) throw badRequest(`${params.patNum} is not a valid method.`);
    const row = patients.byPatNum(Number(params.patNum));
    if (row === undefined) throw new ApiProblem(404, 'Patient not found.');
    return row;
  });
}
