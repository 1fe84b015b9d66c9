import { MAX_AMOUNT, TEXT_KEYWORD } from '@emr-payments/contracts';
import { clip } from '@emr-payments/runtime';
import type { FastifySchemaValidationError } from 'fastify';

/*
 * By hand: ajv-errors words each error of a validator, but does not choose the one field that the published sentence names.
 */

/** The field that the sentence names, and the rule in its brackets. */
export type BadField = { field: string; rule: string; hint?: string | undefined };

/** The rules of fields, for errors that say no more than "not of this type". */
const TAKES: Record<string, string> = {
  amount: 'must be a positive number',
  notes: 'must be a string',
  deposit_date: 'must be a date in YYYY-MM-DD format',
};
/** Rules such as "must be true or false", by the name of the field. */
export type FieldRules = Readonly<Record<string, string>>;

/** The rule that a field breaks which the request does not have. */
export const UNKNOWN_FIELD = 'is not a known field';
const NON_EMPTY = 'must be a non-empty string';
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;
const UNKNOWN_NAME_LIMIT = 65;

/**
 * Chooses, among all that is wrong with a body, the field that comes first in the published order.
 *
 * @param errors all errors of the validator.
 * @param body the body that was validated, an object.
 * @param options.order the fields in the published order; unknown ones come after them, in the order sent.
 * @param options.found a bad field that was found before the schema was applied. What the schema says of the same field goes first.
 * @param options.rules the rule of a field by its name, used for every error of its value.
 */
export function firstBadField(
  errors: readonly FastifySchemaValidationError[],
  body: Readonly<Record<string, unknown>>,
  {
    order,
    rules = {},
    found = null,
  }: { order: readonly string[]; rules?: FieldRules; found?: BadField | null },
): BadField | null {
  const placeOf = (field: string): number => (order.includes(field) ? order.indexOf(field) : order.length);
  let first = found;
  let firstPlace = found === null ? Number.POSITIVE_INFINITY : placeOf(found.field) + 0.5;
  for (const error of errors) {
    const field = fieldOf(error);
    if (field === null) continue;
    const place = placeOf(field);
    if (place < firstPlace) {
      firstPlace = place;
      first = {
        field: place < order.length ? field : shownName(field),
        rule: ruleOf(error, field, { value: body[field], rules }),
      };
    }
  }
  return first;
}

function fieldOf(error: FastifySchemaValidationError): string | null {
  const { missingProperty, additionalProperty } = error.params;
  if (typeof missingProperty === 'string') return missingProperty;
  if (typeof additionalProperty === 'string') return additionalProperty;
  return error.instancePath.split('/')[1] ?? null;
}

function ruleOf(
  error: FastifySchemaValidationError,
  field: string,
  { value, rules }: { value: unknown; rules: FieldRules },
): string {
  const own = Object.hasOwn(rules, field) ? rules[field] : undefined;
  if (own !== undefined && error.keyword !== 'additionalProperties') return own;
  switch (error.keyword) {
    case 'additionalProperties':
      return UNKNOWN_FIELD;
    case 'maxLength':
      return `must be at most ${error.params.limit} characters`;
    case 'pattern':
    case TEXT_KEYWORD:
      return UNPRINTABLE.test(String(value))
        ? 'must not contain control characters'
        : (TAKES[field] ?? NON_EMPTY);
    case 'maximum':
      return `must be at most ${MAX_AMOUNT}`;
    case 'x-max-decimals':
      return 'must have at most two decimals';
    default:
      return TAKES[field] ?? NON_EMPTY;
  }
}

/** Control, format and private characters, ends of lines, and whatever else a page or terminal obeys or shows as nothing. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Makes an unknown field's name fit for the answer: short, without unseen characters, in quotation marks if its ends cannot be seen. */
export function shownName(name: string): string {
  const shown = clip(name.replace(UNSEEN, '?'), UNKNOWN_NAME_LIMIT);
  return shown === '' || shown !== shown.trim() ? `"${shown}"` : shown;
}
