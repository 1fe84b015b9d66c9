import { sentence } from '@emr-payments/contracts';
import type { CheckOutcome } from '../../adapter.ts';
import type { CallOptions } from '../../calls.ts';
import { failedCheck } from '../../failed-check.ts';
import { refusalSentence } from '../../http/refusal-sentence.ts';
import type { EmrMethod } from '../../lists.ts';
import type { AthenaConnection } from './connection.ts';
import { readLists } from './lists.ts';
import { methodNeeds } from './method-data.ts';

/** Names that a remark has room for. */
const MOST_SHOWN = 20;

/** Says which payment methods are refused, and why, and which settings of this connection's adapter would supply the data. */
function remarksOn(athena: AthenaConnection, methods: readonly EmrMethod[]): string[] {
  const missing = methodNeeds(athena).flatMap(({ setting, supplied }) => (supplied ? [] : [setting]));
  const settings = missing.length === 1 ? `setting ${missing[0]}` : `settings ${missing.join(' and ')}`;
  const byNeed = new Map<string, string[]>();
  for (const { name, needs } of methods)
    if (needs !== undefined) byNeed.set(needs, [...(byNeed.get(needs) ?? []), name]);
  return [...byNeed].map(([needs, names]) => {
    const shown = names.filter((_name, place) => place < MOST_SHOWN).join(', ');
    return `Payments by ${shown} are refused: athena wants ${needs}. The ${settings} can supply them.`;
  });
}

/**
 * Checks what posting needs and can be tried without writing: the token, the practice's payment methods and its departments. Whether the
 * app may write payments is known only after the first one.
 */
export async function checkAthenaConnection(
  athena: AthenaConnection,
  options: CallOptions,
): Promise<CheckOutcome> {
  const read = await readLists(athena, options);
  if (!read.ok) return failedCheck(refusalSentence(read.refusal, read.trouble), read.trouble);
  const { methods, locations } = read.lists;
  const named = read.unusable.filter((_entry, place) => place < MOST_SHOWN);
  const unusable = named.length === 0 ? '' : ` Not usable: ${named.join('; ')}.`;
  if (methods.length === 0)
    return {
      ok: false,
      reason: `athena lists no payment method.${unusable}`,
      trouble: { code: 'list_not_found', detail: sentence`The EMR lists no payment method.` },
    };
  if (locations.length === 0)
    return {
      ok: false,
      reason: `athena lists no department.${unusable}`,
      trouble: { code: 'list_not_found', detail: sentence`The EMR lists no department.` },
    };
  return {
    ok: true,
    methods: methods.length,
    locations: locations.length,
    unusable: read.unusable,
    settings: {},
    statement: {},
    remarks: remarksOn(athena, methods),
  };
}
