import type { Static } from '@sinclair/typebox';
import type { BundleSchema } from './resources.ts';

/** A path below the base URL, or a query of the base URL itself: so HAPI gives its next pages. */
export const urlOf = (baseUrl: string, path: string): string =>
  `${baseUrl}${path.startsWith('?') ? '' : '/'}${path}`;

/** The names of link relations are the same in capitals (RFC 8288, section 2.1.1). */
export const linkOf = ({ link }: Static<typeof BundleSchema>, wanted: string) =>
  link?.find(({ relation }) => relation.trim().toLowerCase() === wanted);

/**
 * Gives a link of the same host the scheme of our base URL. A server behind a proxy that ends TLS often takes itself for an http
 * server, with or without a port; the link is followed as we know the server, so no token leaves without TLS.
 */
function overOurScheme(link: URL, base: URL): URL {
  if (link.protocol === base.protocol || link.hostname !== base.hostname) return link;
  if (!/^https?:$/.test(link.protocol)) return link;
  const ports = ['', base.port, base.protocol === 'https:' ? '443' : '80'];
  if (!ports.includes(link.port)) return link;
  return new URL(`${base.origin}${link.pathname}${link.search}`);
}

/**
 * Reads the path of the page to which a link on the page at `from` leads.
 *
 * @returns null when the link is no URL, or does not stay below the base URL: our token must go nowhere else.
 */
export function pathOfLink(
  baseUrl: string,
  { url, from }: { url: string | undefined; from: string },
): string | null {
  const base = urlOf(baseUrl, from);
  if (url === undefined || !URL.canParse(url, base)) return null;
  const { href } = overOurScheme(new URL(url, base), new URL(baseUrl));
  if (href.startsWith(`${baseUrl}/`)) return href.slice(baseUrl.length + 1);
  return href.startsWith(`${baseUrl}?`) ? href.slice(baseUrl.length) : null;
}
