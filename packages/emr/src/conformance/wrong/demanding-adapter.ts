import { FAILURE_CODES, sentence } from '@emr-payments/contracts';
import type { EmrAdapter } from '../../adapter.ts';
import type { EmrCode } from '../../lists.ts';
import type { Posting } from '../../posting.ts';
import type { UnderTest } from '../under-test.ts';

const NOTES_LENGTH = 2001;
const REFERENCE_LENGTH = 100;
const NUMBERED = 'Patient Portal';
const OF_TERMINAL = 'HSA/FSA Card';
const TERMINAL = sentence`the id of the card terminal`;
/** The setting that would name the terminal. */
const TERMINAL_SETTING = 'terminal';

/** Limits and demands of the made-up EMR, for the suite. */
export function demands({ methods }: UnderTest['practice']): Pick<UnderTest, 'limits' | 'lacking'> {
  const codeOf = (name: string): EmrCode => {
    const found = methods.find(({ code }) => code.name === name);
    if (found === undefined) throw new Error(`the practice has no method ${name}`);
    return found.code;
  };
  return {
    limits: {
      notes: { length: NOTES_LENGTH, over: 'clipped' },
      referenceNumber: { length: REFERENCE_LENGTH, over: 'refused' },
    },
    lacking: [
      { name: 'a payment without its number', change: { method: codeOf(NUMBERED), referenceNumber: 'R' } },
      {
        name: 'a card of no known terminal',
        change: { method: codeOf(OF_TERMINAL) },
        without: [TERMINAL_SETTING],
      },
    ],
  };
}

const needsData = FAILURE_CODES.method_needs_data.says;

/**
 * Makes a right adapter of an EMR that demands more than the one below it: whole characters are cut off long notes, a long reference
 * number is refused, one method needs a reference number with a digit, and another one the id of a terminal from the settings.
 */
export function demandingAdapter(right: EmrAdapter, { without }: { without: readonly string[] }): EmrAdapter {
  const hasTerminal = !without.includes(TERMINAL_SETTING);
  const methodProblem: EmrAdapter['methodProblem'] = ({ method, referenceNumber }) => {
    if (method.name === OF_TERMINAL && !hasTerminal) return sentence`${needsData} A card needs its terminal.`;
    if (method.name === NUMBERED && !/\d/.test(referenceNumber))
      return sentence`${needsData} The reference number must have a digit.`;
    return null;
  };
  const clipped = (posting: Posting): Posting =>
    posting.notes === null || posting.notes.length <= NOTES_LENGTH
      ? posting
      : { ...posting, notes: posting.notes.slice(0, NOTES_LENGTH).replace(/[\uD800-\uDBFF]$/, '') };
  return {
    ...right,
    methodProblem,
    async post(posting, options) {
      const reason = methodProblem(posting);
      if (reason !== null) return { outcome: 'refused', code: 'method_needs_data', reason };
      if (posting.referenceNumber.length > REFERENCE_LENGTH) {
        return {
          outcome: 'refused',
          code: 'emr_refused',
          reason: sentence`The reference number is too long.`,
        };
      }
      return right.post(clipped(posting), options);
    },
    async list(options) {
      const outcome = await right.list(options);
      if (outcome.outcome !== 'listed' || hasTerminal) return outcome;
      const methods = outcome.methods.map((method) =>
        method.name === OF_TERMINAL ? { ...method, needs: TERMINAL } : method,
      );
      return { ...outcome, methods };
    },
    async resolve(names, options) {
      const outcome = await right.resolve(names, options);
      if (outcome.outcome !== 'resolved' || outcome.method.name !== OF_TERMINAL || hasTerminal)
        return outcome;
      const reason = sentence`${needsData} It needs ${TERMINAL}.`;
      return { outcome: 'refused', code: 'method_needs_data', reason };
    },
  };
}
