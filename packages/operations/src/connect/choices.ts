import type { OauthApplicationRecord } from '@emr-payments/db';
import { type AdapterDescription, type AdapterField, takesLogins } from '@emr-payments/emr';

/** One field of a form, in words for a person of a practice. */
export type ChoiceField = {
  name: string;
  label: string;
  description: string;
  type: AdapterField['type'];
  required: boolean;
};

/** One way to connect a practice that a person may choose. */
export type Choice = {
  adapter: string;
  /** The usual name of the EMR. */
  title: string;
  /** `login`: at the EMR itself, with the operator's application. `credentials`: the person types them. */
  way: 'login' | 'credentials';
  /** Where the EMR is. Of a login it is fixed; of credentials it is the vendor's own address, which can be changed; null: only the practice knows it. */
  baseUrl: string | null;
  credentials: readonly ChoiceField[];
  settings: readonly ChoiceField[];
};

const UPPER = new Set(['id', 'url', 'api', 'jwk', 'mrn', 'emr']);

/** `practice_id` → `Practice ID`. */
function labelOf(name: string): string {
  const words = name.split('_').map((word) => (UPPER.has(word) ? word.toUpperCase() : word));
  const label = words.join(' ');
  return label.charAt(0).toUpperCase() + label.slice(1);
}

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

const fieldOf = ({ name, type, required, description }: AdapterField): ChoiceField => ({
  name,
  label: labelOf(name),
  description: sentence(description),
  type,
  required,
});

/** Paces and times are the operator's to tune, and are as usual for a practice that connects itself. */
const isTuning = ({ name }: AdapterField): boolean => /_ms$|^calls_per_/.test(name);

/** Hosts of examples (RFC 2606) belong to nobody: there the practice's own address is needed. */
const isExample = (url: string): boolean =>
  /(?:^|\.)(?:example(?:\.(?:com|net|org))?|test|invalid|localhost)$/.test(new URL(url).hostname);

const byCredentials = (adapter: AdapterDescription): Choice => ({
  adapter: adapter.name,
  title: adapter.title,
  way: 'credentials',
  baseUrl: isExample(adapter.example.baseUrl) ? null : adapter.example.baseUrl,
  credentials: adapter.credentials.map(fieldOf),
  settings: adapter.settings.filter((field) => !isTuning(field)).map(fieldOf),
});

const byLogin = (adapter: AdapterDescription, { baseUrl }: { baseUrl: string }, alone: boolean): Choice => ({
  adapter: adapter.name,
  title: alone ? adapter.title : `${adapter.title} (${new URL(baseUrl).host})`,
  way: 'login',
  baseUrl,
  credentials: [],
  settings: [],
});

/**
 * Lists the ways to connect a practice, by title. An EMR whose credentials come from a login is there only with an application of the
 * operator's: nobody at a practice has that application's secret.
 */
export function listChoices(
  descriptions: readonly AdapterDescription[],
  applications: readonly OauthApplicationRecord[],
): Choice[] {
  const choices = descriptions.flatMap((adapter) => {
    if (!takesLogins(adapter)) return [byCredentials(adapter)];
    const own = applications.filter((one) => one.adapter === adapter.name);
    return own.map((application) => byLogin(adapter, application, own.length === 1));
  });
  return choices.sort((a, b) => a.title.localeCompare(b.title, 'en'));
}
