import { type OurSentence, sentence } from '@emr-payments/contracts';
import { Type } from '@sinclair/typebox';
import type { EmrCode } from '../lists.ts';
import type { TroubleCode } from '../trouble-codes.ts';
import type { FhirConnection } from './connection.ts';
import { pathOfLink } from './links.ts';
import { type Listed, MOST_CONCEPTS, readConcepts, readEach } from './methods.ts';
import { type Failed, readResource, requestOf } from './read.ts';
import { type Expansion, ExpansionSchema } from './terminology-resources.ts';

const MAX_PAGES = 20;

const ExtensionSchema = Type.Object({ url: Type.String(), valueBoolean: Type.Optional(Type.Boolean()) });
/** By these extensions a server says that it has left codes out (https://hl7.org/fhir/extensions/extension-registry.html). */
const LEFT_OUT = /\/(?:valueset-toocostly|valueset-unclosed)$/;

/** True when the expansion says itself that it does not hold every code. */
export function isPartial({ extension }: Expansion): boolean {
  return readEach(ExtensionSchema, extension).some(
    (each) => each?.valueBoolean === true && LEFT_OUT.test(each.url),
  );
}

/**
 * Lets the server expand a ValueSet, and reads all pages: by the link `next`, which R5 has, else by `offset` until the stated
 * total has been seen. A server that then gives nothing further has not given its whole list, which is trouble: a name that is
 * missing from it may exist.
 */
export async function expandMethods(
  connection: FhirConnection,
  { valueSet, signal }: { valueSet: string; signal: AbortSignal },
): Promise<({ ok: true } & Listed<EmrCode>) | Failed> {
  const query = new URLSearchParams({ url: valueSet });
  const first = `ValueSet/$expand?${query}`;
  const listed: Listed<EmrCode> = { value: [], unusable: [] };
  const ids = new Set<string>();
  let seen = 0;
  let path = first;
  for (let number = 0; ; number += 1) {
    const request = number === 0 ? requestOf(first) : `${requestOf(first)} (page ${number + 1})`;
    const stopped = (code: TroubleCode, detail: OurSentence): Failed => ({
      ok: false,
      trouble: { code, detail },
      refusal: { request, status: null, words: '' },
    });
    if (number === MAX_PAGES) return stopped('answer_too_large', sentence`The EMR's list is too long.`);
    const page = await readResource(connection, { path, schema: ExpansionSchema, signal, request });
    if (!page.ok) return page;
    const { expansion } = page.value;
    if (isPartial(expansion))
      return stopped(
        'answer_incomplete',
        sentence`The EMR says that its list of payment methods is incomplete.`,
      );
    const read = readConcepts(expansion.contains, { from: seen });
    const { next, total = 0 } = expansion;
    // A server that knows no paging gives its first page again.
    const repeats = read.value.length > 0 && read.value.every(({ id }) => ids.has(id));
    const further = number === 0 || (read.seen > 0 && !repeats);
    if (further) {
      for (const { id } of read.value) ids.add(id);
      // Not `push(...)`: so many arguments do not fit on the stack.
      listed.value = listed.value.concat(read.value);
      listed.unusable = listed.unusable.concat(read.unusable);
      seen += read.seen;
      if (seen > MOST_CONCEPTS) return stopped('answer_too_large', sentence`The EMR's list is too long.`);
    }
    if (next === undefined && total <= seen) return { ok: true, ...listed };
    if (!further || (next === undefined && read.seen === 0))
      return stopped(
        'answer_incomplete',
        sentence`The EMR counts ${total} payment methods and gave ${seen}.`,
      );
    const following =
      next === undefined
        ? `${first}&offset=${seen}`
        : pathOfLink(connection.session.baseUrl, { url: next, from: path });
    if (following === null)
      return stopped(
        'bad_answer',
        sentence`The EMR's link to the next page leads to no page of the same server.`,
      );
    path = following;
  }
}
