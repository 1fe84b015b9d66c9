import { readBaseUrl } from '../connection/read-connection.ts';
import type { PatientIdReader } from '../dialect.ts';

/** `Patient/x`, also of one version of it: the one relative reference that names a patient by id. */
const REFERENCE = /^Patient\/([^/]+)(?:\/_history\/[^/]+)?$/;

/** The type of a reference to another resource, such as `Person` of `Person/x`. */
const OTHER_TYPE = /^([A-Z][A-Za-z]*)\/[^/]/;

/**
 * Characters that make an id another URL, another reference, a token of an identifier (`system|value`), or a name. Ids are
 * opaque otherwise: servers give longer ones, and other characters, than FHIR's `[A-Za-z0-9.-]{1,64}`.
 */
const NOT_IN_ID = /[/?#|\s]/u;

const refused = (problem: string) => ({ ok: false, problem }) as const;

/** Removes the connection's base from a URL; null when the URL is not below it. Host and port are compared as URLs are. */
function belowBase(baseUrl: string, text: string): string | null {
  if (!URL.canParse(text)) return null;
  const base = `${readBaseUrl(baseUrl)}/`;
  const { href } = new URL(text);
  return href.startsWith(base) ? href.slice(base.length) : null;
}

/**
 * Reads the id from the forms in which exports of FHIR servers name a patient: `x`, `Patient/x`, and the URL of `Patient/x`
 * below the connection's base. A reference to another server, to another type of resource, by `urn:` or by identifier is
 * refused: whether it is the same patient cannot be known from the text.
 */
export const readPatientId: PatientIdReader = (text, { baseUrl }) => {
  if (/^urn:/i.test(text)) return refused("is a 'urn:', which is not the id of a patient in the EMR");
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  const path = isUrl ? belowBase(baseUrl, text) : text;
  if (path === null) return refused("is a URL of another server than the connection's base URL");
  const type = OTHER_TYPE.exec(path)?.[1];
  if (type !== undefined && type !== 'Patient') return refused(`refers to a ${type}, not to a Patient`);
  const id = REFERENCE.exec(path)?.[1] ?? (isUrl ? '' : path);
  // An id in a URL could be encoded there: decoding it would be a guess about the program that wrote the file.
  if (id === '' || NOT_IN_ID.test(id) || (id !== text && id.includes('%'))) {
    return refused('is not an id, nor Patient/ followed by an id');
  }
  return { ok: true, id };
};
