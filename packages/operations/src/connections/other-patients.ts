import { type ForgottenPatients, openCredentials, type StoredCapability } from '@emr-payments/db';
import { adapterDescriptions, canonicalAdapterName, type EmrConnection } from '@emr-payments/emr';
import { counted, type Keyring } from '@emr-payments/runtime';
import { openOver, type SharedAdapterDeps } from './adapter-deps.ts';

/** A connection as it is stored, with its credentials sealed. */
export type FormerConnection = Omit<EmrConnection, 'credentials' | 'statement'> & {
  credentials: string | null;
  capability: StoredCapability | null;
};

type Opened = Parameters<typeof openOver>[1];

/** Says which number of a patient the MRNs are, as far as the adapter has a setting for it. */
function mrnOf({ adapter, settings }: Opened): unknown[] {
  const name = canonicalAdapterName(adapter);
  const fields = adapterDescriptions.find((one) => one.name === name)?.settings ?? [];
  return fields
    .filter(({ choosesMrn }) => choosesMrn === true)
    .map((field) => settings[field.name] ?? field.default);
}

/**
 * True when an MRN may be another patient over a connection than over the former one: it leads to another place, or MRNs are another
 * number there. A new login of the same practice is no other place, as far as the EMR says which practice it is (`EmrAdapter.place`).
 * Nothing is known of a former connection that cannot be opened.
 */
export function mayBeOtherPatients(
  { keyring, shared }: { keyring: Keyring; shared: SharedAdapterDeps },
  { former, present }: { former: FormerConnection; present: Opened },
): boolean {
  const keyOf = (connection: Opened) =>
    JSON.stringify([openOver(shared, connection).place, ...mrnOf(connection)]);
  try {
    const { credentials: sealed, capability, ...rest } = former;
    const credentials = openCredentials(keyring, { userId: former.userId, credentials: sealed });
    const { guarded, clientMode } = present;
    const before = { ...rest, credentials, statement: capability?.statement, guarded, clientMode };
    return keyOf(before) !== keyOf(present);
  } catch {
    return true;
  }
}

/** Says for the operator what became of the patients of a connection that may lead to others. */
export function patientRemarks(patients: ForgottenPatients | null): string[] {
  if (patients === null) return [];
  const { forgotten, kept, waiting } = patients;
  const found =
    forgotten === 0
      ? []
      : [
          `${counted(forgotten, { one: 'EMR patient id that a look-up or a sync had found was', many: 'EMR patient ids that look-ups and syncs had found were' })} forgotten, and ${forgotten === 1 ? 'is' : 'are'} found again.`,
        ];
  const given =
    kept === 0
      ? []
      : [
          `${counted(kept, { one: 'EMR patient id that a file or the integrator has given is', many: 'EMR patient ids that files or the integrator have given are' })} kept: import them again if they are others here.`,
        ];
  const accepted =
    waiting === 0
      ? []
      : [
          `${counted(waiting, { one: 'payment that was accepted before waits', many: 'payments that were accepted before wait' })}: the user is on hold. Sync or import its patients and end the hold; until then nothing of it is posted.`,
        ];
  const all = [...found, ...given, ...accepted];
  return all.length === 0 ? [] : [`An MRN may be another patient over this connection. ${all.join(' ')}`];
}
