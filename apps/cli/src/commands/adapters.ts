import { type AdapterField, type AdapterProfile, adapterProfiles } from '@emr-payments/emr';
import type { Register } from '../cli.ts';
import { done, failure } from '../outcome.ts';
import { useOf } from '../output/described.ts';
import { pairs, table } from '../output/table.ts';

const needOf = ({ default: value, unread, required }: AdapterField): string => {
  if (unread !== undefined) return 'read from the EMR';
  if (value === undefined) return required ? 'required' : 'optional';
  return String(value);
};

const fieldRows = (fields: readonly AdapterField[]) =>
  table(
    ['name', 'type', 'default', 'description'],
    fields.map((field) => [field.name, field.type, needOf(field), field.description]),
  );

/** One adapter, whole: what to give, and what becomes of a payment. */
function shown({
  name,
  title,
  capability,
  findsPatients,
  listsPatients,
  example,
  credentials,
  settings,
  described,
}: AdapterProfile): string {
  return [
    pairs([
      ['adapter', name],
      ['EMR', title],
      ['capability', capability],
      [
        'patients',
        `from a file${findsPatients ? ', looked up by MRN' : ''}${listsPatients ? ", from the EMR's list" : ''}`,
      ],
      ['base URL', example.baseUrl],
      ['limits', described.limits.join('; ') || 'none named'],
    ]),
    `Credentials\n${fieldRows(credentials)}`,
    `Settings\n${fieldRows(settings)}`,
    `Fields\n${table(
      ['ours', 'there'],
      Object.entries(described.fields).map(([field, use]) => [field, useOf(use)]),
    )}`,
    ...described.methodNeeds.map(
      ({ methods, data, setting }) =>
        `${methods} need ${data}${setting === null ? ': they are refused' : `, from the setting ${setting}`}.`,
    ),
    `Sources: ${described.sources.join(', ')}`,
  ].join('\n\n');
}

const names = (fields: readonly AdapterField[]) => fields.map(({ name }) => name).join(', ');

/** The kinds of EMR that a user can be connected to. */
export const registerAdapters: Register = (program, cli) => {
  program
    .command('adapters')
    .description('the kinds of EMR, with the credentials and settings that each takes')
    .argument('[name]', 'one of them, with everything about it')
    .action((name: string | undefined) =>
      cli.runAlone(async () => {
        const profiles = adapterProfiles();
        if (name === undefined) {
          return done(
            { adapters: profiles },
            table(
              ['adapter', 'EMR', 'capability', 'credentials', 'settings'],
              profiles.map((each) => [
                each.name,
                each.title,
                each.capability,
                names(each.credentials),
                names(each.settings),
              ]),
            ),
          );
        }
        const profile = profiles.find((each) => each.name === name);
        if (profile === undefined) {
          const known = profiles.map((each) => each.name).join(', ');
          return failure('not_found', `There is no adapter '${name}'; there are: ${known}.`);
        }
        return done({ adapter: profile }, shown(profile));
      }),
    );
};
