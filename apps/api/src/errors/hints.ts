import type { IncomingHttpHeaders } from 'node:http';
import { HEADERS } from '@emr-payments/contracts';
import type { FastifyRequest } from 'fastify';

/** The credentials in their published order. */
export const USER_CREDENTIALS = [HEADERS.clientId, HEADERS.clientSecret, HEADERS.accessToken] as const;
export const CLIENT_CREDENTIALS = [HEADERS.clientId, HEADERS.clientSecret] as const;

export type CredentialHeader = (typeof USER_CREDENTIALS)[number];

const PROXIES =
  'Proxies may drop headers whose names have underscores: nginx needs `underscores_in_headers on`.';

/**
 * Says what is wrong with the form of the credentials of a request that was refused. It is made from the request alone, so that
 * it says nothing about which credentials exist; it quotes no value.
 *
 * @returns undefined when each header is there once and is of a possible length.
 */
export function credentialsHint(
  headers: IncomingHttpHeaders,
  names: readonly CredentialHeader[],
): string | undefined {
  const missing = names.filter((name) => headers[name] === undefined);
  const sentences = [
    says(missing, 'is missing', 'are missing'),
    says(
      names.filter((name) => headers[name] === ''),
      'is empty',
      'are empty',
    ),
    says(
      names.filter((name) => isRepeated(headers[name])),
      'was sent more than once, or has a comma and a blank in it',
      'were sent more than once, or have a comma and a blank in them',
    ),
    ...missing.flatMap((name) => dashed(headers, name)),
    missing.length > 0 && headers.authorization !== undefined
      ? 'The header `Authorization` is not used.'
      : '',
    missing.length > 0 ? PROXIES : '',
  ].filter((sentence) => sentence !== '');
  return sentences.length === 0 ? undefined : sentences.join(' ');
}

function says(names: readonly string[], one: string, many: string): string {
  if (names.length === 0) return '';
  const quoted = names.map((name) => `\`${name}\``);
  const list = quoted.length < 2 ? quoted.join() : `${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}`;
  return `The header${names.length > 1 ? 's' : ''} ${list} ${names.length > 1 ? many : one}.`;
}

/** Node joins repeated headers with ', ', which no credential and no key contains. */
export const isRepeated = (value: string | string[] | undefined): boolean =>
  Array.isArray(value) || value?.includes(', ') === true;

/** A name in another spelling, such as `client-id` or `x-access-token`. */
function dashed(headers: IncomingHttpHeaders, name: CredentialHeader): string[] {
  const dash = name.replace('_', '-');
  const joined = name.replace('_', '');
  return [dash, joined, `x-${dash}`]
    .filter((other) => headers[other] !== undefined)
    .map((other) => `\`${other}\` was sent: the name is \`${name}\`, with an underscore.`);
}

/** Says why the type of a body was refused by a route that takes `mediaType`. */
export function mediaTypeHint(headers: IncomingHttpHeaders, mediaType = 'application/json'): string {
  const header = `\`Content-Type: ${mediaType}\``;
  if (headers['content-type'] === undefined) return `The header ${header} is missing.`;
  if (headers['content-encoding'] !== undefined)
    return 'Send the body uncompressed, without `Content-Encoding`.';
  return `Send the header ${header}, and ${mediaType === 'application/json' ? 'JSON' : 'such a file'}.`;
}

/** Says which fields the body or the query of a request may have; undefined for a body that is not read. */
export function fieldsHint(
  { routeOptions: { schema, config } }: FastifyRequest,
  part: 'body' | 'query',
): string | undefined {
  const { properties = {} } = (schema?.querystring ?? {}) as { properties?: object };
  const queries = Object.keys(properties);
  const fields = (config.fieldOrder ?? []).filter((field) => !queries.includes(field));
  const names = part === 'query' ? queries : fields;
  if (names.length > 0) return `Known here: ${names.map((name) => `\`${name}\``).join(', ')}.`;
  return part === 'query' ? 'There are no query parameters here.' : undefined;
}

/** Says how to send a number that was sent as text. It quotes no value. */
export function numberHint(
  { field, rule }: { field: string; rule: string },
  value: unknown,
): string | undefined {
  if (typeof value !== 'string' || !/number/.test(rule) || !/^\s*[-+$€£]?[\d.,\s]+$/.test(value))
    return undefined;
  return `\`${field}\` was sent as text: send a JSON number, without quotation marks, such as 350.10.`;
}

/** A time whose offset has lost its `+`. */
const BLANK_FOR_PLUS = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d\S* \d\d:?\d\d$/;

/** Says that a time of the query has a blank in the place of its `+`: a `+` that is not escaped arrives as one. It quotes no value. */
export function plusHint(field: string, value: unknown): string | undefined {
  return typeof value === 'string' && BLANK_FOR_PLUS.test(value)
    ? `The \`+\` in \`${field}\` arrived as a blank: write it as \`%2B\` in a URL, or send the time in UTC, with a \`Z\` at its end.`
    : undefined;
}

/** For numbers that change when they are parsed. */
export const DIGITS_HINT = 'Send the number with at most 15 digits.';
