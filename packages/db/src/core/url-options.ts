/**
 * Takes the parameter `options` out of a connection string. pg lets it replace `options` of the pool's configuration
 * (`Object.assign({}, config, parse(config.connectionString))` in its ConnectionParameters), and with it the settings that our
 * statements rely on. The rest of the string stays as it is, to the letter.
 *
 * @returns the string without it, and its value; the last one counts, as in pg.
 */
export function takeOptions(url: string): { url: string; options: string | undefined } {
  const start = url.indexOf('?');
  if (start === -1) return { url, options: undefined };
  const parts = url.slice(start + 1).split('&');
  const nameOf = (part: string) => [...new URLSearchParams(part).keys()][0];
  const [kept, taken] = [
    parts.filter((part) => nameOf(part) !== 'options'),
    parts.filter((part) => nameOf(part) === 'options'),
  ];
  const query = kept.length === 0 ? '' : `?${kept.join('&')}`;
  return {
    url: `${url.slice(0, start)}${query}`,
    options: new URLSearchParams(taken.at(-1) ?? '').get('options') ?? undefined,
  };
}
