import { sentence, wordIn } from '@emr-payments/contracts';
import type { Static, TSchema } from '@sinclair/typebox';
import { servedFromCache } from '../http/cached-answer.ts';
import { describeStatus, isSuccess } from '../http/evidence.ts';
import { describeNoAnswer } from '../http/no-answer.ts';
import type { Refusal } from '../http/refusal-sentence.ts';
import type { Trouble } from '../trouble.ts';
import type { FhirConnection } from './connection.ts';
import { urlOf } from './links.ts';
import { OperationOutcomeSchema, parseAs } from './resources.ts';
import { wordsOf } from './said.ts';

/** A practice's lists are small: an answer larger than this is not one of them. */
const MAX_ANSWER_BYTES = 2 * 1024 * 1024;
/** The resources that a sentence names. */
const RESOURCES = [
  'Bundle',
  'CapabilityStatement',
  'Patient',
  'PaymentNotice',
  'PaymentReconciliation',
  'ValueSet',
] as const;

/** `trouble` is in our words and may go to anybody. `refusal` has the server's, and is for the operator only. */
export type Failed = {
  ok: false;
  trouble: Trouble;
  refusal: Refusal;
  /** True for an answer that is an OperationOutcome: the server's own, and no gateway's. */
  complained?: true;
};

/** When we asked, and what the answer's headers say about when it was made. */
export type Freshness = { servedFromCache: boolean; sentAtMs: number; dateMs: number };

export type ReadInput<T extends TSchema> = {
  /** Relative to the base URL, with the query. */
  path: string;
  schema: T;
  signal: AbortSignal;
  /** Names the request to the operator, where the path is the server's own and may hold a secret of it. */
  request?: string;
  maxAnswerBytes?: number;
  /** True: on a connection of its own. A server or proxy that once gave one answer too many is a step behind on a kept one. */
  unshared?: boolean;
};

/** Names a request of ours: its query has no secret. */
export const requestOf = (path: string): string => `GET /${decodeURIComponent(path)}`;

/** Reads one resource and checks it against the schema. */
export async function readResource<T extends TSchema>(
  { session, secrets }: Pick<FhirConnection, 'session' | 'secrets'>,
  {
    path,
    schema,
    signal,
    request = requestOf(path),
    maxAnswerBytes = MAX_ANSWER_BYTES,
    unshared,
  }: ReadInput<T>,
): Promise<{ ok: true; value: Static<T>; freshness: Freshness } | Failed> {
  const sentAtMs = Date.now();
  const result = await session.read(
    {
      path: urlOf(session.baseUrl, path),
      // `handling=strict` makes the server refuse a search parameter that it does not know; ignoring it would give the wrong
      // resources. The session's `no-cache` is for caches on the way, and for servers that reuse the results of a search.
      headers: { prefer: 'handling=strict' },
      maxAnswerBytes,
      unshared: unshared === true,
    },
    { signal },
  );
  if (result.kind === 'no_answer') {
    return {
      ok: false,
      trouble: describeNoAnswer(result),
      refusal: { request, status: null, words: '' },
    };
  }
  const failed = (trouble: Trouble): Failed => ({
    ok: false,
    trouble,
    refusal: { request, status: result.status, words: wordsOf(result, secrets) },
    ...(parseAs(OperationOutcomeSchema, result.body) === null ? {} : { complained: true }),
  });
  if (!isSuccess(result)) return failed(describeStatus(result));
  // 203 is changed by a proxy, 206 is a part: no other 2xx is an answer to a read.
  if (result.status !== 200) {
    const detail = sentence`The EMR answered a read with HTTP ${result.status}.`;
    return failed({ code: 'unexpected_status', detail });
  }
  const value = parseAs(schema, result.body);
  if (value === null) {
    const wanted =
      wordIn(RESOURCES, schema.title ?? schema.properties?.resourceType?.const) ?? sentence`resource`;
    return failed({
      code: 'bad_answer',
      detail: sentence`The EMR's answer is not the ${wanted} that was requested.`,
    });
  }
  const freshness = {
    servedFromCache: servedFromCache(result.headers),
    sentAtMs,
    dateMs: Date.parse(result.headers.date ?? ''),
  };
  return { ok: true, value, freshness };
}
