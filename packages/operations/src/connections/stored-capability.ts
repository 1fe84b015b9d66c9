import type { StoredCapability } from '@emr-payments/db';
import type { AdapterDescription, CheckOutcome, SettingValues } from '@emr-payments/emr';

/** Returns the findings of a check that succeeded, as they are stored. */
export function capabilityRead({
  settings,
  statement,
}: Extract<CheckOutcome, { ok: true }>): StoredCapability {
  return { settings, statement, read_at: new Date().toISOString() };
}

/** Returns what is stored for a connection that is not checked: the settings that a check would read claim nothing, and the facts are not known. */
export function capabilityUnread(
  { settings, facts = [] }: AdapterDescription,
  given: SettingValues,
): StoredCapability {
  const unread = settings.flatMap(({ name, unread: value }) =>
    value === undefined || Object.hasOwn(given, name) ? [] : [[name, value] as const],
  );
  const statement = Object.fromEntries(facts.map((name) => [name, null]));
  return { settings: Object.fromEntries(unread), statement, read_at: null };
}

type Stored = { settings: unknown; capabilityStatement: unknown };

/** The settings of a stored connection that the operator gave: all but those that were read from the EMR. */
export function givenSettings({ settings, capabilityStatement }: Stored): SettingValues {
  const read = (capabilityStatement as StoredCapability | null)?.settings ?? {};
  return Object.fromEntries(
    Object.entries(settings as SettingValues).filter(([name]) => !Object.hasOwn(read, name)),
  );
}

const sorted = (values: object) => JSON.stringify(Object.entries(values).sort());

/** True when a check has read what is stored, so that nothing has to be written. */
export function isStored({ capabilityStatement }: Stored, read: StoredCapability): boolean {
  const stored = capabilityStatement as StoredCapability | null;
  return (
    stored !== null &&
    stored.read_at !== null &&
    sorted(stored.settings) === sorted(read.settings) &&
    sorted(stored.statement) === sorted(read.statement)
  );
}

/** Says for people what changed among the settings in force, such as `conditional_create: true → false`. */
export function changesOf(before: SettingValues, after: SettingValues): string[] {
  return Object.entries(after)
    .filter(([name, value]) => before[name] !== value)
    .map(([name, value]) => `${name}: ${before[name] ?? 'not known'} → ${value}`);
}
