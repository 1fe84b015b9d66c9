import type { AdapterField } from '@emr-payments/emr';

/** The words for one field, for a person at a practice. */
export type FieldWords = { label: string; hint: string };

const CLIENT_ID = {
  label: 'Client ID',
  hint: 'The ID of the application or API key that was made for this connection.',
};
const CLIENT_SECRET = { label: 'Client secret', hint: 'The secret that belongs to the client ID.' };

const CREDENTIALS: Readonly<Record<string, FieldWords>> = {
  api_key: { label: 'API key', hint: 'From the developer portal of the EMR.' },
  audience: { label: 'Audience', hint: 'Only if the EMR has given you one.' },
  bearer_token: {
    label: 'Access token',
    hint: 'Fill in this one alone, or a token address with a client ID.',
  },
  client_auth: { label: 'How the secret is sent', hint: 'basic or post. Leave it empty if you do not know.' },
  client_id: CLIENT_ID,
  client_secret: CLIENT_SECRET,
  private_key_jwk: {
    label: 'Private key (JWK)',
    hint: 'Instead of a client secret, where the EMR works with keys.',
  },
  scope: { label: 'Scope', hint: 'Only if the EMR has given you one.' },
  token_url: {
    label: 'Token address',
    hint: 'Where the EMR gives out access tokens. It begins with https://.',
  },
};

/** Settings that a person at a practice can know. All others are for the operator: wrong ones harm the posting of payments. */
const SETTINGS: Readonly<Record<string, FieldWords>> = {
  clinics: { label: 'Clinics', hint: 'Does the office use clinics?' },
  location_id: { label: 'Location ID', hint: 'Fill it in if all payments belong to one location.' },
  mrn_field: {
    label: 'MRN field',
    hint: 'The number by which your patients are known: PatNum or ChartNumber. If it is empty, PatNum.',
  },
  patient_identifier_system: {
    label: 'System of the patient numbers',
    hint: "The address that stands beside a patient's number in the EMR. Its administrator knows it.",
  },
  practice_id: { label: 'Practice ID', hint: 'The number of the practice at the EMR.' },
  subdomain: { label: 'Subdomain', hint: 'The subdomain of the practice at the EMR.' },
  vendor_code: { label: 'Vendor code', hint: 'The code that the EMR has given for payments.' },
  vendor_terminal_id: { label: 'Card terminal ID (TID)', hint: 'Without it, payments by card are refused.' },
};

const UPPER = new Set(['id', 'url', 'api', 'jwk', 'mrn', 'emr']);

/** `practice_id` → `Practice ID`. */
function labelOf(name: string): string {
  const words = name.split('_').map((word) => (UPPER.has(word) ? word.toUpperCase() : word));
  const label = words.join(' ');
  return label.charAt(0).toUpperCase() + label.slice(1);
}

const ownWords = ({ name, description }: AdapterField): FieldWords => ({
  label: labelOf(name),
  hint: `${description.charAt(0).toUpperCase()}${description.slice(1)}.`,
});

/** The login of a person gives it: nobody knows one to type. */
const OF_A_LOGIN = new Set(['refresh_token']);

/** Gives the words for a credential: those of its description where there are no plainer ones. null: nobody types it. */
export const wordsOfCredential = (field: AdapterField): FieldWords | null =>
  OF_A_LOGIN.has(field.name) ? null : (CREDENTIALS[field.name] ?? ownWords(field));

/** Gives the words for a setting; null: the page does not ask for it. A setting without which nothing works is always asked for. */
export const wordsOfSetting = (field: AdapterField): FieldWords | null =>
  SETTINGS[field.name] ?? (field.required ? ownWords(field) : null);
