import type { ConnectionDescription, FieldUse } from '@emr-payments/emr';
import { table } from './table.ts';

/** Says in one cell what becomes of a field. */
export function useOf(use: FieldUse): string {
  if (use.kept === 'dropped') return use.why === undefined ? 'dropped' : `dropped: ${use.why}`;
  if (use.kept === 'whole') return use.as;
  return `${use.as}, cut to ${use.to}${use.rest === undefined ? '' : `; whole in ${use.rest}`}`;
}

/** Shows what an EMR does with payments: each of our fields, the methods that need data, the limits. */
export function describedText({ fields, methodNeeds, limits }: ConnectionDescription): string {
  return [
    `Fields\n${table(
      ['OURS', 'THERE'],
      Object.entries(fields).map(([field, use]) => [field, useOf(use)]),
    )}`,
    ...methodNeeds.map(
      ({ methods, data, setting, supplied }) =>
        `${methods} need ${data}${supplied ? ', which the connection supplies' : setting === null ? ': they are refused' : `: they are refused without the setting ${setting}`}.`,
    ),
    ...limits.map((limit) => `Limit of the EMR: ${limit}.`),
  ].join('\n');
}

/** The same for programs. */
export const describedData = ({ fields, methodNeeds, limits }: ConnectionDescription) => ({
  fields,
  method_needs: methodNeeds,
  limits,
});
