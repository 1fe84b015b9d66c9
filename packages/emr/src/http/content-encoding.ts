import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib';

/** The body cannot be decoded: the stream is broken, or in an encoding that we do not know. */
export class BrokenEncodingError extends Error {
  override name = 'BrokenEncodingError';
}
/** The body is larger than its limit once it is decoded. */
export class DecodedTooLargeError extends Error {
  override name = 'DecodedTooLargeError';
}

type Decode = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Uint8Array>;

const inflateWrapped: Decode = promisify(inflate);
const inflateBare: Decode = promisify(inflateRaw);

/** `deflate` is the zlib format (RFC 9110, section 8.4.1.2); some servers send bare deflate data under that name. */
const inflateEither: Decode = (bytes, options) => {
  const [first = 0, second = 0] = bytes;
  // The head of the zlib format (RFC 1950, section 2.2).
  const wrapped = (first & 0x0f) === 8 && ((first << 8) | second) % 31 === 0;
  return (wrapped ? inflateWrapped : inflateBare)(bytes, options);
};

const DECODERS: ReadonlyMap<string, Decode> = new Map([
  ['gzip', promisify(gunzip) as Decode],
  ['x-gzip', promisify(gunzip) as Decode],
  ['deflate', inflateEither],
  ['br', promisify(brotliDecompress) as Decode],
  ['zstd', promisify(zstdDecompress) as Decode],
]);

/** More encodings than this, one around the other, are an attack or a mistake. */
const MOST_ENCODINGS = 3;

/**
 * Decodes a body by its `Content-Encoding`, of which servers and proxies apply some although we accept only `identity`.
 * No step gives more than `maxBytes`, so that a small body cannot fill the memory.
 *
 * @throws BrokenEncodingError, DecodedTooLargeError.
 */
export async function decodeContent(
  bytes: Uint8Array,
  { encoding, maxBytes }: { encoding: string | undefined; maxBytes: number },
): Promise<Uint8Array> {
  const applied = (encoding ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity');
  // An answer without a body, such as 204, may still name the encoding that it would have.
  if (bytes.length === 0 || applied.length === 0) return bytes;
  if (applied.length > MOST_ENCODINGS) throw new BrokenEncodingError('the answer has too many encodings');
  let decoded = bytes;
  for (const name of applied.reverse()) {
    const decode = DECODERS.get(name);
    if (decode === undefined) throw new BrokenEncodingError('the answer has an unknown encoding');
    try {
      decoded = await decode(decoded, { maxOutputLength: maxBytes });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
        throw new DecodedTooLargeError('the answer is too large', { cause });
      throw new BrokenEncodingError('the answer cannot be decoded', { cause });
    }
  }
  return decoded;
}
