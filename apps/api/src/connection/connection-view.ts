import type { ConnectionReply, CreatePaymentBody } from '@emr-payments/contracts';
import type { Health, StoredList, StoredLocation, StoredMethod } from '@emr-payments/db';
import type { ConnectionDescription, EmrAdapter, EmrLists, FieldUse, OurField } from '@emr-payments/emr';

type Connection = ConnectionReply['data'];
type Field = Connection['fields'][number];

/** The API's name of a fact. */
const nameOf = (field: OurField): Field['field'] => (field === 'patient' ? 'patient_mrn' : field);

function fieldView(field: OurField, use: FieldUse): Field {
  return {
    field: nameOf(field),
    kept: use.kept,
    as: use.kept === 'dropped' ? null : use.as,
    to: use.kept === 'cut' ? use.to : null,
    rest: (use.kept === 'cut' ? use.rest : undefined) ?? null,
    why: (use.kept === 'dropped' ? use.why : undefined) ?? null,
  };
}

const usesOf = ({ fields }: ConnectionDescription) => Object.entries(fields) as [OurField, FieldUse][];

/** Shows what the EMR does with payments, in the form of the API. */
export function descriptionView(
  described: ConnectionDescription,
): Pick<Connection, 'fields' | 'method_needs' | 'limits'> {
  return {
    fields: usesOf(described).map(([field, use]) => fieldView(field, use)),
    method_needs: described.methodNeeds.map(({ methods, data, setting, supplied }) => ({
      methods,
      data,
      setting,
      supplied,
    })),
    limits: [...described.limits],
  };
}

/** Shows the names that a payment may give, and which methods cannot be posted. */
export function listsView({
  methods,
  locations,
  anyMethod,
  anyLocation,
}: EmrLists): Pick<Connection, 'any_payment_method' | 'any_location' | 'payment_methods' | 'locations'> {
  return {
    any_payment_method: anyMethod === true,
    any_location: anyLocation === true,
    payment_methods: methods.map(({ id, name, needs }) => ({
      id,
      name,
      usable: needs === undefined,
      needs: needs ?? null,
    })),
    locations: locations.map(({ id, name, identifiers }) => ({ id, name, identifiers: [...identifiers] })),
  };
}

/** Shows what the EMR would get of one payment: a text that is not longer than its place is whole, and an absent note is left out. */
export function fieldsOfPayment(described: ConnectionDescription, body: CreatePaymentBody): Field[] {
  const { payment_method, reference_number, location, notes, deposit_date } = body;
  const texts: Partial<Record<OurField, string | undefined>> = {
    payment_method,
    reference_number,
    location,
    notes,
    deposit_date,
  };
  return usesOf(described)
    .filter(([field]) => field !== 'notes' || notes !== undefined)
    .map(([field, use]) => {
      const fits = use.kept === 'cut' && (texts[field] ?? '').length <= use.to;
      return fieldView(field, fits ? { kept: 'whole', as: use.as } : use);
    });
}

/**
 * The lists of an EMR that was not asked, as they were read from it last. Where they never were, they are empty, and say only which name it
 * has no place for.
 */
export function storedLists(
  adapter: Pick<EmrAdapter, 'describe'>,
  {
    methods,
    locations,
  }: { methods: StoredList<StoredMethod> | null; locations: StoredList<StoredLocation> | null },
): EmrLists {
  const { payment_method, location } = adapter.describe().fields;
  return {
    methods: (methods?.names ?? []).map(({ id, name, needs }) => ({
      id,
      name,
      ...(needs === null ? {} : { needs }),
    })),
    locations: locations?.names ?? [],
    ...(methods?.any === true || payment_method.kept === 'dropped' ? { anyMethod: true } : {}),
    ...(locations?.any === true || location.kept === 'dropped' ? { anyLocation: true } : {}),
  };
}

/** Shows how the connection is. */
export function healthView({ state, since, lastSuccessAt, lastTrouble }: Health): Connection['health'] {
  return {
    state,
    since: since.toISOString(),
    last_success_at: lastSuccessAt?.toISOString() ?? null,
    last_trouble:
      lastTrouble === null
        ? null
        : { code: lastTrouble.code, message: lastTrouble.detail, at: lastTrouble.at.toISOString() },
  };
}
