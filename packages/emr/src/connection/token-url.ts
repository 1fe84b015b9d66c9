import { Type } from '@sinclair/typebox';
import { isPlainHttp } from './plain-http.ts';

/**
 * Checks the form of a token endpoint's URL. It takes http to another machine, which is refused where the connection is set up, as in a
 * base URL.
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

/** The setting of a dialect whose token endpoint has a usual place. @param otherwise says where that is. */
export const tokenUrlSetting = (otherwise: string) =>
  Type.Optional(
    Type.String({ maxLength: 2000, description: `https URL of the token endpoint; without it ${otherwise}` }),
  );

/**
 * Decides where a connection's tokens come from: the setting `token_url`, or the vendor's usual place.
 *
 * @throws Error when the setting is no URL, or is http to another machine although the base URL is not: secrets could be read on the way.
 */
export function tokenUrlOf({
  setting,
  usual,
  baseUrl,
}: {
  setting: string | undefined;
  usual: string;
  baseUrl: string;
}): string {
  if (setting === undefined) return usual;
  const tokenUrl = readTokenUrl({ name: 'settings: token_url', text: setting });
  if (isPlainHttp(tokenUrl) && !isPlainHttp(baseUrl))
    throw new Error('settings: token_url must be https: the credentials could be read on the way');
  return tokenUrl;
}
