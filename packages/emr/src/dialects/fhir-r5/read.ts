import type { Static, TSchema } from '@sinclair/typebox';
import type { Trouble } from '../../adapter.ts';
import { describeNoAnswer, judgeStatus } from '../../http/evidence.ts';
import { exchange } from '../../http/exchange.ts';
import { BundleSchema, entriesOf, parseAs } from './resources.ts';
import type { FhirConnection } from './settings.ts';

/** A practice's lists are small: an answer larger than this is not one of them. */
const MAX_ANSWER_BYTES = 2 * 1024 * 1024;
const MAX_PAGES = 20;

export type ReadResult<T> = { ok: true; value: T } | { ok: false; status: number | null; trouble: Trouble };

/** Reads one resource and checks it against the schema. `path` is relative to the base URL and includes the query. */
export async function readResource<T extends TSchema>(
  { baseUrl, headers, settings }: FhirConnection,
  { path, schema, signal }: { path: string; schema: T; signal: AbortSignal },
): Promise<ReadResult<Static<T>>> {
  const result = await exchange({
    method: 'GET',
    url: `${baseUrl}/${path}`,
    // Makes the server refuse a search parameter that it does not know; ignoring it would give the wrong resources.
    headers: { ...headers, prefer: 'handling=strict' },
    signal,
    timeoutMs: settings.timeout_ms,
    maxAnswerBytes: MAX_ANSWER_BYTES,
  });
  if (result.kind === 'no_answer') return { ok: false, status: null, trouble: describeNoAnswer(result) };
  const { verdict, trouble } = judgeStatus(result);
  if (verdict !== 'accepted') return { ok: false, status: result.status, trouble };
  const value = parseAs(schema, result.body);
  if (value !== null) return { ok: true, value };
  const detail = `The EMR's answer is not the ${schema.properties?.resourceType?.const ?? 'resource'} that was requested.`;
  return { ok: false, status: result.status, trouble: { code: 'bad_answer', detail } };
}

/** The path of a `next` page; null when it is not below the base URL, because our token must go nowhere else. */
function pathBelow(baseUrl: string, link: string): string | null {
  const url = new URL(link, `${baseUrl}/`).href;
  return url.startsWith(`${baseUrl}/`) ? url.slice(baseUrl.length + 1) : null;
}

/** Reads all pages of a search, at most 20. */
export async function readAll<T extends TSchema>(
  connection: FhirConnection,
  { path, schema, signal }: { path: string; schema: T; signal: AbortSignal },
): Promise<ReadResult<Static<T>[]>> {
  const all: Static<T>[] = [];
  let next: string | null = path;
  for (let page = 0; next !== null; page += 1) {
    const result: ReadResult<Static<typeof BundleSchema>> =
      page < MAX_PAGES
        ? await readResource(connection, { path: next, schema: BundleSchema, signal })
        : {
            ok: false,
            status: null,
            trouble: { code: 'answer_too_large', detail: "The EMR's list is too long." },
          };
    if (!result.ok) return result;
    all.push(...entriesOf(result.value, schema));
    const link: string | undefined = result.value.link?.find(({ relation }) => relation === 'next')?.url;
    next = link === undefined ? null : pathBelow(connection.baseUrl, link);
    if (link !== undefined && next === null) {
      const detail = 'The EMR leads to another server for the next page.';
      return { ok: false, status: null, trouble: { code: 'bad_answer', detail } };
    }
  }
  return { ok: true, value: all };
}
