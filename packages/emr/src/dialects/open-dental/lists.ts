import { sentence } from '@emr-payments/contracts';
import { Type } from '@sinclair/typebox';
import type { CallOptions } from '../../calls.ts';
import type { EmrCode, EmrLists, EmrLocation } from '../../lists.ts';
import type { Trouble } from '../../trouble.ts';
import { type Failed, Key, keyText, type Rows, readRows } from './rows.ts';
import type { OpenDentalConnection } from './settings.ts';

/** Payment types are the definitions of this category (https://www.opendental.com/site/apipayments.html). */
const PAYMENT_TYPES = 10;

/** Booleans are text in this API. */
const Flag = Type.Union([Type.Literal('true'), Type.Literal('false'), Type.Boolean()]);
const isTrue = (flag: string | boolean | undefined) => flag === true || flag === 'true';

const DefinitionSchema = Type.Object({
  DefNum: Key,
  Category: Key,
  ItemName: Type.String(),
  isHidden: Type.Optional(Flag),
});
/** https://www.opendental.com/site/apiclinics.html */
const ClinicSchema = Type.Object({
  ClinicNum: Key,
  Description: Type.Optional(Type.String()),
  Abbr: Type.Optional(Type.String()),
  IsHidden: Type.Optional(Flag),
});

export type ReadLists = { ok: true; lists: EmrLists; unusable: readonly string[] };

/** A list from which rows are missing fails: a name of it that is not found would fail a payment. */
function whole<T>(what: string, read: ({ ok: true } & Rows<T>) | Failed): ({ ok: true } & Rows<T>) | Failed {
  if (!read.ok || read.complete) return read;
  const detail = sentence`The EMR's list changed while it was read.`;
  const refusal = { request: `GET ${what}`, status: null, words: '' };
  return read.failed ?? { ok: false, trouble: { code: 'answer_incomplete', detail }, refusal };
}

const unread = (named: string, { seen, understood }: Rows<unknown>): string[] =>
  seen === understood ? [] : [`${named}: ${seen - understood} that cannot be read`];

async function readMethods(connection: OpenDentalConnection, options: CallOptions) {
  const resource = '/definitions';
  const query = { Category: String(PAYMENT_TYPES) };
  const read = whole(
    resource,
    await readRows(connection, { resource, key: 'DefNum', query, schema: DefinitionSchema }, options),
  );
  if (!read.ok) return read;
  const methods = read.rows
    // The EMR ignores a filter that it does not understand, and answers with the definitions of every category.
    .filter(({ Category, isHidden }) => keyText(Category) === String(PAYMENT_TYPES) && !isTrue(isHidden))
    .map(({ DefNum, ItemName }): EmrCode => ({ id: keyText(DefNum), name: ItemName }));
  return { ok: true as const, methods, unusable: unread('Payment methods', read) };
}

async function readClinics(connection: OpenDentalConnection, options: CallOptions) {
  const resource = '/clinics';
  const read = whole(
    resource,
    await readRows(connection, { resource, key: 'ClinicNum', query: {}, schema: ClinicSchema }, options),
  );
  if (!read.ok) return read;
  const locations = read.rows
    .filter(({ IsHidden, ClinicNum }) => !isTrue(IsHidden) && keyText(ClinicNum) !== '0')
    .map(({ ClinicNum, Description = '', Abbr = '' }): EmrLocation => {
      const id = keyText(ClinicNum);
      const name = [Description, Abbr, id].find((each) => each.trim() !== '') ?? id;
      return { id, name, identifiers: Abbr.trim() === '' ? [] : [Abbr] };
    });
  return { ok: true as const, locations, unusable: unread('Locations', read) };
}

/**
 * Reads the practice's payment types and clinics. "An empty list indicates the dental office does not utilize the Clinics feature"
 * (https://www.opendental.com/site/apiclinics.html).
 */
export async function readLists(
  connection: OpenDentalConnection,
  options: CallOptions,
): Promise<ReadLists | Failed> {
  const methods = await readMethods(connection, options);
  if (!methods.ok) return methods;
  const clinics = await readClinics(connection, options);
  if (!clinics.ok) return clinics;
  return {
    ok: true,
    lists: { methods: methods.methods, locations: clinics.locations },
    unusable: [...methods.unusable, ...clinics.unusable],
  };
}

/**
 * Reads the lists for payments: trouble has none of the EMR's own words. An empty list is trouble too and fails no payment: the check
 * has seen one that was not empty.
 */
export async function fetchLists(
  connection: OpenDentalConnection,
  options: CallOptions,
): Promise<EmrLists | Trouble> {
  const { clinics } = connection.settings;
  const methods = await readMethods(connection, options);
  if (!methods.ok) return methods.trouble;
  if (methods.methods.length === 0)
    return { code: 'list_not_found', detail: sentence`The EMR lists no payment type.` };
  if (!clinics) return { methods: methods.methods, locations: [], anyLocation: true };
  const read = await readClinics(connection, options);
  if (!read.ok) return read.trouble;
  if (read.locations.length === 0) {
    const detail = sentence`The EMR lists no clinic. An office that does not use clinics needs the setting clinics: false.`;
    return { code: 'list_not_found', detail };
  }
  return { methods: methods.methods, locations: read.locations };
}
