/**
 * The pattern of an id, as a regular expression without flags. FHIR permits letters, digits, '-' and '.' up to 64 characters;
 * servers give underscores, URNs and longer ones, so an id is opaque text here. Refused is only what PostgreSQL and JSON
 * cannot store: control characters and half a surrogate pair. The columns are `text`: 1000 characters are no limit of theirs
 * but one of good sense.
 */
export const ID_PATTERN =
  '^(?=.*\\S)(?:[^\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]|[\\ud800-\\udbff][\\udc00-\\udfff]){1,1000}$';
const ID = new RegExp(ID_PATTERN);

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/**
 * Reads the id from a URL or reference that names one resource of the type: absolute or relative, with or without
 * `_history`, a query, a fragment or a slash at its end. The id is decoded once.
 */
export function idIn(type: string, url: string | undefined): string | undefined {
  const segments = (url ?? '').replace(/[?#].*$/s, '').split('/');
  const segment = segments[segments.lastIndexOf(type) + 1];
  if (!segments.includes(type) || segment === undefined || /^(?:_history|_search|\$.*)?$/.test(segment))
    return undefined;
  const id = decoded(segment);
  return ID.test(id) ? id : undefined;
}
