import type { OauthApplicationRecord } from '@emr-payments/db';
import type { AdapterDescription, AdapterField } from '@emr-payments/emr';
import { type FieldWords, wordsOfCredential, wordsOfSetting } from './field-words.ts';

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

const fieldOf = ({ name, type, required }: AdapterField, { label, hint }: FieldWords): ChoiceField => ({
  name,
  label,
  description: hint,
  type,
  required,
});

const credentialOf = (field: AdapterField): ChoiceField[] => {
  const words = wordsOfCredential(field);
  return words === null ? [] : [fieldOf(field, words)];
};

const settingOf = (field: AdapterField): ChoiceField[] => {
  const words = wordsOfSetting(field);
  return words === null ? [] : [fieldOf(field, words)];
};

/** Hosts of examples (RFC 2606) belong to nobody: there the practice's own address is needed. */
const isExample = (url: string): boolean =>
  /(?:^|\.)(?:example(?:\.(?:com|net|org))?|test|invalid|localhost)$/.test(new URL(url).hostname);

const byCredentials = (adapter: AdapterDescription): Choice => ({
  adapter: adapter.name,
  title: adapter.title,
  way: 'credentials',
  baseUrl: isExample(adapter.example.baseUrl) ? null : adapter.example.baseUrl,
  credentials: adapter.credentials.flatMap(credentialOf),
  settings: adapter.settings.flatMap(settingOf),
});

const byLogin = (adapter: AdapterDescription, { baseUrl }: { baseUrl: string }, alone: boolean): Choice => ({
  adapter: adapter.name,
  title: alone ? adapter.title : `${adapter.title.split(/[(:]/)[0]?.trim()} at ${new URL(baseUrl).host}`,
  way: 'login',
  baseUrl,
  credentials: [],
  settings: adapter.settings.flatMap(settingOf),
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
    const { login } = adapter;
    if (login === undefined) return [byCredentials(adapter)];
    const own = applications.filter((one) => one.adapter === adapter.name);
    const logins = own.map((one) => byLogin(adapter, one, login.only && own.length === 1));
    return login.only ? logins : [...logins, byCredentials(adapter)];
  });
  return choices.sort((a, b) => a.title.localeCompare(b.title, 'en'));
}
