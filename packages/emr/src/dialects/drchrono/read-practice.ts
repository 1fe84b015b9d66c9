import { Type } from '@sinclair/typebox';
import type { CallOptions } from '../../calls.ts';
import { servedFromCache } from '../../http/cached-answer.ts';
import { describeStatus } from '../../http/evidence.ts';
import type { Answer, NoAnswer } from '../../http/exchange.ts';
import { describeNoAnswer } from '../../http/no-answer.ts';
import { readJsonAs } from '../../http/read-json.ts';
import type { EmrSession } from '../../http/session.ts';
import type { UnreadPage } from './read-pages.ts';
import { withWords, wordsIn } from './words.ts';

const USERS = '/api/users';
export const CURRENT_USER = `${USERS}/current`;
const MAX_ANSWER_BYTES = 256 * 1024;

/** The document calls every id a text; other parts of the same API show the same ids as numbers. */
const Id = Type.Union([Type.Integer({ minimum: 1 }), Type.String({ pattern: '^(?!0$)[!-~]{1,100}$' })]);
const UserSchema = Type.Object({ id: Id, practice_group: Id });

/** `practiceGroup` is null where DrChrono answers and names none: `why` says how it answered. */
export type PracticeRead =
  | { ok: true; practiceGroup: string }
  | { ok: true; practiceGroup: null; why: string }
  | UnreadPage;

const unnamed = (why: string): PracticeRead => ({ ok: true, practiceGroup: null, why });

/** Answers that say nothing of what the next one will be. */
const passes = ({ status }: Answer): boolean => status === 401 || status === 429 || status >= 500;

/** The id of the user whose own address an answer redirects to. An answer of a cache names nobody: it may be about another login. */
function userIdIn(result: Answer | NoAnswer): string | undefined {
  if (result.kind === 'no_answer' || servedFromCache(result.headers)) return undefined;
  if (result.status < 300 || result.status > 399) return undefined;
  return /\/api\/users\/(\d{1,15})\/?$/.exec(String(result.headers.location ?? ''))?.[1];
}

/**
 * Reads whose login it is: `practice_group` of the user, which "can be used to identify users in the same practice"
 * (https://app.drchrono.com/api-docs/, UserProfile). `current` redirects to the user's own address. Only the id is taken from that, so
 * the token goes nowhere else.
 */
export async function readPractice(session: EmrSession, options: CallOptions): Promise<PracticeRead> {
  const get = (path: string) =>
    session.read({ path, maxAnswerBytes: MAX_ANSWER_BYTES, unshared: true }, options);
  const current = await get(CURRENT_USER);
  const id = userIdIn(current);
  const result = id === undefined ? current : await get(`${USERS}/${id}`);
  if (result.kind === 'no_answer')
    return { ok: false, trouble: describeNoAnswer(result), status: null, words: '' };
  const { status, headers, body } = result;
  if (passes(result))
    return { ok: false, trouble: withWords(describeStatus(result), result), status, words: wordsIn(body) };
  if (status !== 200) return unnamed(`with HTTP ${status}`);
  if (servedFromCache(headers)) return unnamed('from a cache');
  const user = readJsonAs(UserSchema, body);
  if (user === null || (id !== undefined && String(user.id) !== id)) return unnamed('without one');
  return { ok: true, practiceGroup: String(user.practice_group) };
}
