import { sentence } from '@emr-payments/contracts';
import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { CallOptions } from '../../calls.ts';
import type { EmrCode, EmrLists, EmrLocation, EmrMethod } from '../../lists.ts';
import type { Trouble } from '../../trouble.ts';
import { isUsableId } from '../../usable-id.ts';
import type { AthenaConnection } from './connection.ts';
import { missingFor, RECORD_CASH, RECORD_CHECK } from './method-data.ts';
import { type Failed, type ListInput, readRows } from './read.ts';

const Id = Type.Union([Type.String(), Type.Integer()]);
/** `name` and `paymentmethod` (https://docs.athenahealth.com/api/workflows/payment-testing). */
const MethodSchema = Type.Object({ paymentmethod: Id, name: Type.Optional(Type.String()) });
const DepartmentSchema = Type.Object({
  departmentid: Id,
  name: Type.Optional(Type.String()),
  patientdepartmentname: Type.Optional(Type.String()),
});

type Listed<T> = { entries: readonly T[]; unusable: readonly string[] };

/** Keeps the first of several entries with one id, and names the ones that cannot be used. */
function entriesOf<T extends EmrCode>(
  what: string,
  rows: readonly unknown[],
  read: (row: unknown) => T | null,
): Listed<T> {
  const byId = new Map<string, T>();
  const unusable: string[] = [];
  for (const [place, row] of rows.entries()) {
    const entry = read(row);
    if (entry === null || !isUsableId(entry.id)) unusable.push(`${what}: entry ${place + 1} cannot be read`);
    else if (!byId.has(entry.id)) byId.set(entry.id, entry);
  }
  return { entries: [...byId.values()], unusable };
}

const firstOf = (...names: (string | undefined)[]): string | undefined =>
  names.find((name) => name !== undefined && name.trim() !== '');

function readMethod(row: unknown): EmrCode | null {
  if (!Value.Check(MethodSchema, row)) return null;
  const id = String(row.paymentmethod).trim();
  return { id, name: firstOf(row.name) ?? id };
}

function readDepartment(row: unknown): EmrLocation | null {
  if (!Value.Check(DepartmentSchema, row)) return null;
  const id = String(row.departmentid).trim();
  const { name, patientdepartmentname } = row;
  const shown = firstOf(patientdepartmentname, name) ?? id;
  const other = firstOf(name);
  return { id, name: shown, identifiers: other === undefined || other === shown ? [id] : [id, other] };
}

/** The practice's payment methods: a vendor has a list of its own, recordpayment takes cash, checks and the practice's cards. */
function methodList({ way }: AthenaConnection): ListInput & { fixed: readonly EmrCode[] } {
  return way.kind === 'ppv'
    ? {
        path: `/patientpayvendors/${way.vendorCode}/validvendorpaymentmethods`,
        member: 'paymentmethods',
        paged: false,
        fixed: [],
      }
    : {
        path: '/configuration/validnonccpcreditcardmethods',
        member: 'paymentmethods',
        paged: true,
        fixed: [RECORD_CASH, RECORD_CHECK],
      };
}

const DEPARTMENTS: ListInput = { path: '/departments', member: 'departments', paged: true };

export type ReadLists = { ok: true; lists: EmrLists; unusable: readonly string[] };

/** Reads the practice's payment methods and departments. `unusable` names the entries that no payment can use. */
export async function readLists(athena: AthenaConnection, options: CallOptions): Promise<ReadLists | Failed> {
  const { fixed, ...list } = methodList(athena);
  const [methods, departments] = await Promise.all([
    readRows(athena, list, options),
    readRows(athena, DEPARTMENTS, options),
  ]);
  if (!methods.ok) return methods;
  if (!departments.ok) return departments;
  const read = entriesOf('Payment methods', methods.rows, readMethod);
  const places = entriesOf('Departments', departments.rows, readDepartment);
  const own = read.entries.filter(({ id }) => !fixed.some((each) => each.id === id));
  return {
    ok: true,
    lists: {
      methods: [...fixed, ...own].map((method): EmrMethod => {
        const needs = missingFor(athena, method);
        return needs === undefined ? method : { ...method, needs };
      }),
      locations: places.entries,
    },
    unusable: [...read.unusable, ...places.unusable],
  };
}

/** Reads the lists for payments. An empty list is trouble and fails no payment: the check has seen lists that were not empty. */
export async function fetchLists(
  athena: AthenaConnection,
  options: CallOptions,
): Promise<EmrLists | Trouble> {
  const read = await readLists(athena, options);
  if (!read.ok) return read.trouble;
  const { methods, locations } = read.lists;
  if (methods.length > 0 && locations.length > 0) return read.lists;
  const what = methods.length === 0 ? sentence`payment method` : sentence`location`;
  return { code: 'list_not_found', detail: sentence`The EMR lists no ${what}.` };
}
