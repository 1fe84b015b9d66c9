import type { AdapterField, AdapterProfile, FieldUse, OurField } from '../packages/emr/src/index.ts';
import { adapterProfiles } from '../packages/emr/src/index.ts';
import { markdownTable } from './markdown-table.ts';

const NOTE =
  'Written by `pnpm emr-document` from what the adapters say of themselves (`describe()`): change it there.';

const FIELDS: readonly OurField[] = [
  'payment_id',
  'patient',
  'amount',
  'payment_method',
  'reference_number',
  'location',
  'notes',
  'deposit_date',
];

const code = (text: string) => `\`${text}\``;

function useOf(use: FieldUse): string {
  switch (use.kept) {
    case 'whole':
      return code(use.as);
    case 'cut':
      return `${code(use.as)}, cut to ${use.to}${use.rest === undefined ? '' : `; whole in ${code(use.rest)}`}`;
    case 'dropped':
      return use.why === undefined ? '**dropped**' : `**dropped**: ${use.why}`;
  }
}

const LOST_ANSWER = {
  'conditional-create': 'sent again with the same key',
  lookup: 'looked up first',
  none: 'a person looks',
} as const;

function overview(profiles: readonly AdapterProfile[]): string {
  return markdownTable([
    ['adapter', 'EMR', 'capability', 'after a lost answer', 'limits'],
    ...profiles.map(({ name, title, capability, described }) => [
      `[${code(name)}](#${name})`,
      title,
      code(capability),
      LOST_ANSWER[capability],
      described.limits.join('; ') || 'none named',
    ]),
  ]);
}

const fieldTable = (profiles: readonly AdapterProfile[]): string =>
  markdownTable([
    ['adapter', ...FIELDS],
    ...profiles.map(({ name, described }) => [
      code(name),
      ...FIELDS.map((field) => useOf(described.fields[field])),
    ]),
  ]);

const defaultOf = ({ default: value, unread, required }: AdapterField): string => {
  if (unread !== undefined) return 'read from the EMR';
  if (value === undefined) return required ? 'required' : 'none';
  return value === '' ? 'empty' : code(String(value));
};

const settingsTable = (title: string, fields: readonly AdapterField[]): string =>
  fields.length === 0
    ? ''
    : `${markdownTable([
        [title, 'default', 'description'],
        ...fields.map((field) => [code(field.name), defaultOf(field), field.description]),
      ])}\n`;

/** Says where the patients of a connection come from. */
function patientsOf({ findsPatients, listsPatients }: AdapterProfile): string {
  const ways = [
    'a file',
    ...(findsPatients ? ['a look-up by MRN in the EMR'] : []),
    ...(listsPatients ? ["the EMR's list of patients"] : []),
  ];
  const last = ways.pop();
  return `Patients come from ${ways.length === 0 ? '' : `${ways.join(', ')} or `}${last}.`;
}

function section(profile: AdapterProfile): string {
  const { name, title, example, credentials, settings, described, readme } = profile;
  const needs = described.methodNeeds.map(
    ({ methods, data, setting, supplied }) =>
      `- ${methods} need ${data}: ${setting === null ? 'nothing supplies it, so they are refused' : `the setting ${code(setting)} supplies it`}${
        setting !== null && !supplied ? '; without it they are refused' : ''
      }.`,
  );
  return [
    `## ${name}\n`,
    `${title}. Base URL such as ${code(example.baseUrl)}. More: [${readme}](../${readme}).\n`,
    settingsTable('credential', credentials),
    settingsTable('setting', settings),
    ...(needs.length === 0 ? [] : [`${needs.join('\n')}\n`]),
    `${patientsOf(profile)}\n`,
    `Sources: ${described.sources.map((source) => `<${source}>`).join(', ')}\n`,
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** Writes docs/emrs.md: the table adapter × field, and what each adapter takes. */
export function emrDocument(): string {
  const profiles = adapterProfiles();
  return `<!-- ${NOTE} -->

# The EMRs

What each adapter takes and what becomes of a payment there, with the settings that nobody gave. How an adapter decides by evidence:
[adapters.md](adapters.md). The same list in a terminal: \`emr-payments adapters\`.

${overview(profiles)}

## Our fields in theirs

\`payment_id\` is the key by which a payment is recognised there; dropped, nothing recognises it.

${fieldTable(profiles)}

${profiles.map(section).join('\n')}`;
}
