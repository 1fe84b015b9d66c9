/** Of an answer, this much is kept for the integrator to look at. */
export const EXCERPT_BYTES = 1024;

/**
 * The start of an answer as text that any store and any page can hold: valid UTF-8, and no control characters beside
 * line feed and tab (PostgreSQL's text refuses NUL). What was not valid stands as U+FFFD.
 */
export function excerptOf(answer: Buffer): string {
  // In stream mode a character that the limit cuts in two is left out rather than replaced.
  const text = new TextDecoder().decode(answer.subarray(0, EXCERPT_BYTES), { stream: true });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced here
  return text.replaceAll('\r\n', '\n').replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd');
}
