import { Kind, type Static, type TObject, type TSchema } from '@sinclair/typebox';
import { Value, ValueErrorType } from '@sinclair/typebox/value';
import type { AdapterField } from '../description.ts';

const FIELD_TYPES: Readonly<Record<string, AdapterField['type']>> = {
  String: 'string',
  Integer: 'integer',
  Boolean: 'boolean',
};

/**
 * Describes the properties of a flat schema of strings, integers and booleans, in its order.
 *
 * @throws Error when a property is of another type or has no description: a mistake in the dialect.
 */
export function fieldsOf(schema: TObject): readonly AdapterField[] {
  const required: readonly string[] = schema.required ?? [];
  return Object.entries<TSchema>(schema.properties).map(([name, property]) => {
    const type = FIELD_TYPES[property[Kind]];
    if (type === undefined || property.description === undefined) {
      throw new Error(`the setting ${name} needs a description and the type string, integer or boolean`);
    }
    const otherwise: unknown = property.default;
    const unread: unknown = property.unread;
    return {
      name,
      type,
      required: required.includes(name) && otherwise === undefined,
      ...(otherwise === undefined ? {} : { default: otherwise as string | number | boolean }),
      ...(unread === undefined ? {} : { unread: unread as string | number | boolean }),
      ...(property.choosesMrn === true ? { choosesMrn: true as const } : {}),
      ...(property.limit === true ? { limit: true as const } : {}),
      description: property.description,
    };
  });
}

function refuseUnknown(
  what: 'settings' | 'credentials',
  given: Readonly<Record<string, unknown>>,
  schema: TObject,
): void {
  const known = Object.keys(schema.properties);
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const all = known.length === 0 ? 'none' : known.join(', ');
  throw new Error(
    `${what}: ${unknown} is not known to this adapter, so remove or correct it; it takes: ${all}`,
  );
}

/**
 * Checks a connection's settings and fills the defaults in.
 *
 * @throws Error naming the setting that cannot be used, and what it is for.
 */
export function readSettings<T extends TObject>(
  schema: T,
  given: Readonly<Record<string, unknown>>,
): Static<T> {
  refuseUnknown('settings', given, schema);
  const settings = Value.Default(schema, structuredClone(given));
  const problem = Value.Errors(schema, settings).First();
  if (problem === undefined) return settings as Static<T>;
  const name = problem.path.slice(1);
  const purpose = (schema.properties[name] as TSchema | undefined)?.description;
  // The pattern itself explains nothing to an operator; the description does.
  const message =
    problem.type === ValueErrorType.StringPattern ? 'it cannot be this text' : problem.message.toLowerCase();
  throw new Error(`settings: ${name}: ${message}${purpose === undefined ? '' : ` (${purpose})`}`);
}

/**
 * Checks a connection's credentials. No sentence quotes a value: values are secret.
 *
 * @throws Error naming the credential that is missing, unknown or malformed.
 */
export function readCredentials<T extends TObject>(
  schema: T,
  given: Readonly<Record<string, string>>,
): Static<T> {
  refuseUnknown('credentials', given, schema);
  const problem = Value.Errors(schema, given).First();
  if (problem === undefined) return given as Static<T>;
  const name = problem.path.slice(1);
  const missing = problem.type === ValueErrorType.ObjectRequiredProperty;
  const purpose = (schema.properties[name] as TSchema | undefined)?.description ?? '';
  throw new Error(
    missing
      ? `credentials: ${name} is missing, so add it (${purpose})`
      : `credentials: ${name} has characters or a length that it cannot have (${purpose})`,
  );
}

/**
 * Checks a connection's base URL.
 *
 * @returns the URL without a slash at its end.
 * @throws Error saying what is wrong with it.
 */
export function readBaseUrl(text: string): string {
  if (!URL.canParse(text)) throw new Error('base_url is not a URL');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new Error('base_url must be http or https');
  // The parser takes an empty query or fragment for none: it would stand between the URL and each path.
  if (url.username !== '' || url.password !== '' || /[?#]/.test(text)) {
    throw new Error('base_url must have no user, query or fragment; a token belongs in the credentials');
  }
  return url.href.replace(/\/+$/, '');
}
