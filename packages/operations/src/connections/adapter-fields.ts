import type { AdapterDescription, AdapterField } from '@emr-payments/emr';

type Value = string | number | boolean;

export type SettingsOutcome = { ok: true; settings: Record<string, Value> } | { ok: false; reason: string };

/** Says which fields there are, for the end of a sentence. */
function known(fields: readonly AdapterField[]): string {
  return fields.length === 0 ? 'it takes none' : `it takes: ${fields.map(({ name }) => name).join(', ')}`;
}

/** @returns a sentence about the first field that the adapter does not know, or needs and did not get; null if none. */
function problemOf(
  adapter: AdapterDescription,
  { kind, given }: { kind: 'credential' | 'setting'; given: Readonly<Record<string, string>> },
): string | null {
  const fields = kind === 'credential' ? adapter.credentials : adapter.settings;
  const unknown = Object.keys(given).find((name) => !fields.some((field) => field.name === name));
  if (unknown !== undefined) {
    return `The adapter ${adapter.name} has no ${kind} '${unknown}'; ${known(fields)}.`;
  }
  const missing = fields.find(({ name, required }) => required && !Object.hasOwn(given, name));
  if (missing === undefined) return null;
  return `The adapter ${adapter.name} needs the ${kind} '${missing.name}' (${missing.description}).`;
}

/** Converts a setting's text to the type that the adapter declares; undefined when the text is of another type. */
function typed(type: AdapterField['type'], text: string): Value | undefined {
  if (type === 'string') return text;
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : undefined;
  return /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
}

const TYPE_NAMES = { string: 'text', integer: 'a whole number', boolean: 'true or false' } as const;

/**
 * Converts settings given as text, as on a command line or in a form, by the types that the adapter declares: a setting
 * of type string stays text, so `practice_id=000123` keeps its zeros. Bounds are left to the adapter's own check.
 *
 * @returns `ok: false` with a sentence that names the setting, when it is unknown, missing or of another type.
 */
export function readAdapterSettings(
  adapter: AdapterDescription,
  texts: Readonly<Record<string, string>>,
): SettingsOutcome {
  const reason = problemOf(adapter, { kind: 'setting', given: texts });
  if (reason !== null) return { ok: false, reason };
  const settings: Record<string, Value> = {};
  for (const { name, type } of adapter.settings) {
    const text = texts[name];
    if (text === undefined) continue;
    const value = typed(type, text);
    if (value === undefined) {
      return {
        ok: false,
        reason: `The setting '${name}' of the adapter ${adapter.name} must be ${TYPE_NAMES[type]}.`,
      };
    }
    settings[name] = value;
  }
  return { ok: true, settings };
}

/** @returns a sentence about the first credential that is unknown or missing; null if all fit. No value is quoted. */
export function credentialProblem(
  adapter: AdapterDescription,
  credentials: Readonly<Record<string, string>>,
): string | null {
  return problemOf(adapter, { kind: 'credential', given: credentials });
}

/** The setting by which an operator says the vendor's limit of requests; null where the adapter has none. */
export const limitFieldOf = ({ settings }: AdapterDescription): AdapterField | null =>
  settings.find(({ limit }) => limit === true) ?? null;
