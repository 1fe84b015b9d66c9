/**
 * Checks the URL of a token endpoint. Whether it may be http to another machine is decided where the connection is set up, as for
 * the base URL.
 *
 * @param input.name names the credential or setting in the error.
 * @throws Error saying what is wrong with it.
 */
export function readTokenUrl({ name, text }: { name: string; text: string }): string {
  const url = URL.parse(text);
  if (url === null) throw new Error(`${name} is not a URL`);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new Error(`${name} must be http or https`);
  if (url.username !== '' || url.password !== '' || text.includes('#')) {
    throw new Error(`${name} must have no user and no fragment`);
  }
  return url.href;
}
