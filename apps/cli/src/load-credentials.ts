import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';

const CredentialsSchema = Type.Record(Type.String(), Type.String());

/** The one credential that is JSON itself: it may be given as it is, instead of as a text of JSON. */
const PRIVATE_KEY = 'private_key_jwk';

function withKeyAsText(given: unknown): unknown {
  if (typeof given !== 'object' || given === null || !(PRIVATE_KEY in given)) return given;
  const { [PRIVATE_KEY]: key, ...rest } = given;
  return { ...rest, [PRIVATE_KEY]: typeof key === 'object' && key !== null ? JSON.stringify(key) : key };
}

export type CredentialsResult =
  | { ok: true; credentials: Record<string, string> }
  | { ok: false; reason: string };

/**
 * Reads credentials for an EMR: a JSON object in a file or (`-`) on the standard input. They are never taken from the
 * command line, where every process of the machine could read them. Without a source there are none.
 */
export async function loadCredentials(
  { stdin }: { stdin: NodeJS.ReadableStream },
  { source }: { source: string | undefined },
): Promise<CredentialsResult> {
  if (source === undefined) return { ok: true, credentials: {} };
  let json: string;
  try {
    json = source === '-' ? await text(stdin) : await readFile(source, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { ok: false, reason: `The credentials cannot be read (${code ?? 'unknown error'}).` };
  }
  try {
    const credentials = withKeyAsText(JSON.parse(json));
    if (Value.Check(CredentialsSchema, credentials)) return { ok: true, credentials };
  } catch {
    // The parser's message would quote the text.
  }
  return {
    ok: false,
    reason: 'The credentials must be a JSON object of texts, such as {"bearer_token": "…"}.',
  };
}
