import type { Request, Response } from 'got';

/** An answer that came whole, its body as it was sent. */
export type WholeAnswer = { response: Response; bytes: Uint8Array };

/**
 * Reads the answer to a request of got to its end. got's promise reads the same stream, and gathers its pieces and passes on its events
 * in a way that costs more processor time.
 *
 * @throws what the request fails with, before or within the answer.
 */
export function readAnswer(request: Request): Promise<WholeAnswer> {
  return new Promise((resolve, reject) => {
    const pieces: Uint8Array[] = [];
    request.on('data', (piece: Uint8Array) => pieces.push(piece));
    // It stays when the answer has been read: an `error` without a listener would end the process.
    request.on('error', reject);
    request.once('response', (response: Response) => {
      request.once('end', () => {
        // A stream of got stays open after its end, and so would what it listens to.
        request.destroy();
        resolve({ response, bytes: Buffer.concat(pieces) });
      });
    });
    // One that is destroyed without an error ends as well.
    request.once('close', () => {
      if (!request.readableEnded) reject(new Error('the request was closed without a whole answer'));
    });
  });
}
