/** Parameters that change how results are given, and not which: those of FHIR, and those by which servers page. */
const PRESENTATION =
  /^(?:page$|__|_(?:count|elements|format|include|maxresults|offset|page|pretty|revinclude|skip|sort|summary|total)(?::|$))/;

/**
 * Reads the filters of the search that a server says it did, in the self link that R5 demands.
 *
 * @returns undefined without the link, which proves nothing; null for one that cannot be read.
 */
export function filtersIn(
  selfLink: string | undefined,
  { baseUrl }: { baseUrl: string },
): readonly (readonly [name: string, value: string])[] | null | undefined {
  if (selfLink === undefined) return undefined;
  if (!URL.canParse(selfLink, `${baseUrl}/`)) return null;
  return [...new URL(selfLink, `${baseUrl}/`).searchParams].filter(([name]) => !PRESENTATION.test(name));
}
