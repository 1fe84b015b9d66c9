import {
  adapterDescriptions,
  type ConnectionDescription,
  droppedFields,
  localAdapterDeps,
  openAdapter,
} from '@emr-payments/emr';
import { sandboxPractices } from '@emr-payments/stack';
import type { EmrPlan } from './emr-plan.ts';
import type { ComparedField } from './records.ts';
import { TIMING } from './timing.ts';

const TIME_ZONE = 'America/New_York';
/** Settings of the suite, for the adapters that have them. No run is long enough for a vendor's limit of requests. */
const SETTINGS = {
  timeout_ms: TIMING.emrTimeoutMs,
  settle_ms: TIMING.settleMs,
  calls_per_minute: 0,
  calls_per_hour: 0,
} as const;

/** The payment methods of the sandbox's practice. */
const SANDBOX_METHODS: readonly string[] = [
  'Card',
  'Cash',
  'Check',
  'Patient Portal',
  'Bank Transfer',
  'HSA/FSA Card',
];

const COMPARED: readonly ComparedField[] = ['reference_number', 'payment_method', 'location'];

function referenceInNotes({ reference_number, notes }: ConnectionDescription['fields']): boolean {
  if (reference_number.kept === 'dropped' || notes.kept === 'dropped') return false;
  return reference_number.as === notes.as;
}

/** Plans a practice at the sandbox's dialect of an adapter. The names of its payments are read through the adapter. */
export async function adapterPractice(
  adapter: string,
  { sandboxUrl }: { sandboxUrl: string },
): Promise<EmrPlan> {
  const practice = sandboxPractices({ sandboxUrl }).find((each) => each.adapter === adapter);
  const description = adapterDescriptions.find(({ name }) => name === adapter);
  if (practice === undefined || description === undefined)
    throw new Error(`the sandbox has no practice for the adapter ${adapter}`);
  const known = Object.entries(SETTINGS).filter(([name]) =>
    description.settings.some((each) => each.name === name),
  );
  const settings = { ...practice.settings, ...Object.fromEntries(known) };
  const { baseUrl, credentials } = practice;
  const opened = openAdapter(
    { userId: 0, adapter, baseUrl, credentials, settings, timeZone: TIME_ZONE },
    localAdapterDeps(),
  );
  const lists = await opened.list({ signal: AbortSignal.timeout(10_000) });
  if (lists.outcome !== 'listed') throw new Error(`${adapter}: ${lists.detail}`);
  const methods = lists.anyMethod
    ? [practice.paymentMethod]
    : lists.methods.filter(({ needs }) => needs === undefined).map(({ name }) => name);
  const locations = lists.anyLocation
    ? [{ given: practice.location, name: practice.location }]
    : lists.locations.map(({ id, name, identifiers }) => ({ given: identifiers[0] ?? id, name }));
  const [method, ...otherMethods] = methods;
  const [location, ...otherLocations] = locations;
  if (method === undefined || location === undefined)
    throw new Error(`${adapter}: the practice has no names`);

  const dropped = droppedFields(opened) as readonly string[];
  // A vendor's fixed names have synonyms, and the ledger shows one of them.
  const namesAreFixed = methods.some((name) => !SANDBOX_METHODS.includes(name));
  const isDropped = (field: ComparedField) =>
    dropped.includes(field) || (field === 'payment_method' && namesAreFixed);
  const { fields } = opened.describe();
  return {
    adapter,
    baseUrl,
    credentials,
    settings,
    patientIdOf: practice.emrPatientId,
    methods: [method, ...otherMethods],
    anyMethod: lists.anyMethod === true,
    locations: [location, ...otherLocations],
    emr: {
      group: adapter,
      canBeAsked: opened.capability !== 'none',
      keyless: fields.payment_id.kept === 'dropped',
      splits: adapter === 'nexhealth',
      // An EMR without a look-up shows an entry only in the answer to its create.
      mayNotName: opened.find === undefined,
      drops: COMPARED.filter(isDropped),
      referenceInNotes: referenceInNotes(fields),
    },
  };
}
