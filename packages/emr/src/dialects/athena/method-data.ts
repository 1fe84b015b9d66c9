import { FAILURE_CODES, type OurSentence, sentence } from '@emr-payments/contracts';
import type { MethodNeed } from '../../description.ts';
import type { EmrCode } from '../../lists.ts';
import type { Posting } from '../../posting.ts';
import type { AthenaConnection, AthenaWay } from './connection.ts';
import { matchesText, type TextPattern } from './text-pattern.ts';

/** The methods that recordpayment takes besides the practice's cards (https://docs.athenahealth.com/api/workflows/record-payment). */
export const RECORD_CASH: EmrCode = { id: 'CASH', name: 'Cash' };
export const RECORD_CHECK: EmrCode = { id: 'CHECK', name: 'Check' };

type MethodKind = 'card' | 'check' | 'other';

/** Tells cards and checks by code and name: athena gives no kind with a vendor's methods. Those of recordpayment are all cards. */
export function kindOf(way: AthenaWay, { id, name }: EmrCode): MethodKind {
  if (way.kind === 'record')
    return id === RECORD_CASH.id ? 'other' : id === RECORD_CHECK.id ? 'check' : 'card';
  const matches = (pattern: TextPattern) => matchesText(pattern, id) || matchesText(pattern, name);
  if (matches(way.cards)) return 'card';
  return matches(way.checks) ? 'check' : 'other';
}

const LAST4 = 'the last four digits of the card';
const TERMINAL = 'the id of the card terminal';

const needsTerminal = ({ way }: AthenaConnection): boolean =>
  way.kind === 'ppv' && way.terminalId === undefined;

/** Data that the connection's settings do not supply for a method; undefined when nothing is missing. */
export function missingFor(athena: AthenaConnection, method: EmrCode): string | undefined {
  if (kindOf(athena.way, method) !== 'card') return undefined;
  const missing = [
    ...(athena.cardLast4 === undefined ? [LAST4] : []),
    ...(needsTerminal(athena) ? [TERMINAL] : []),
  ];
  return missing.length === 0 ? undefined : missing.join(' and ');
}

/** A check needs its number too: that one a payment carries, as its reference number. */
export function methodNeeds(athena: AthenaConnection): MethodNeed[] {
  const needs: MethodNeed[] = [
    { methods: 'cards', data: LAST4, setting: 'card_last4', supplied: athena.cardLast4 !== undefined },
  ];
  if (athena.way.kind === 'ppv')
    needs.push({
      methods: 'cards',
      data: TERMINAL,
      setting: 'vendor_terminal_id',
      supplied: !needsTerminal(athena),
    });
  return needs;
}

/** A check's number as people write it: digits, a number sign before them or not. */
const CHECK_NUMBER = /^\s*#?\s*(\d{1,20})\s*$/;
/** Four digits at the end that are not the end of a longer number. */
const ENDS_WITH_FOUR = /(?:^|\D)(\d{4})\s*$/;

export type MethodFields =
  | { ok: true; fields: Readonly<Record<string, string>> }
  | { ok: false; reason: OurSentence };

const refused = (why: OurSentence): MethodFields => ({
  ok: false,
  reason: sentence`${FAILURE_CODES.method_needs_data.says} ${why}`,
});

function cardFields(
  athena: AthenaConnection,
  { referenceNumber }: Pick<Posting, 'referenceNumber'>,
): MethodFields {
  const { cardLast4, way } = athena;
  if (cardLast4 === undefined) return refused(sentence`A card needs the last four digits of the card.`);
  const last4 = cardLast4 === 'reference_number' ? ENDS_WITH_FOUR.exec(referenceNumber)?.[1] : cardLast4;
  if (last4 === undefined)
    return refused(sentence`For a card, reference_number must end with the last four digits of the card.`);
  if (way.kind === 'record') return { ok: true, fields: { cardnumberlast4: last4 } };
  if (way.terminalId === undefined) return refused(sentence`A card needs the id of the card terminal.`);
  return { ok: true, fields: { cardnumberlast4: last4, vendorterminalid: way.terminalId } };
}

/**
 * The fields that athena demands with the payment's method: `checknumber` with a check, `cardnumberlast4` and, of a vendor,
 * `vendorterminalid` with a card (https://docs.athenahealth.com/api/workflows/patient-pay-vendors).
 *
 * @returns the reason for which the payment cannot be sent, when the data are not there.
 */
export function methodFields(
  athena: AthenaConnection,
  posting: Pick<Posting, 'method' | 'referenceNumber'>,
): MethodFields {
  const kind = kindOf(athena.way, posting.method);
  if (kind === 'other') return { ok: true, fields: {} };
  if (kind === 'card') return cardFields(athena, posting);
  const [, checknumber] = CHECK_NUMBER.exec(posting.referenceNumber) ?? [];
  if (checknumber === undefined)
    return refused(
      sentence`For a check, reference_number must be the number of the check: at most 20 digits.`,
    );
  return { ok: true, fields: { checknumber } };
}
