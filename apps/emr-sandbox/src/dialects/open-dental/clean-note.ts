/**
 * Cleans a note as Open Dental does before it stores one (`POut.StringNote` and `StringScrub` of OpenDental/opendental): symbols and
 * most emoji become U+FFFD, every line end becomes CR LF, 100 or more white space characters become one space, and NUL is left out.
 */
export function cleanNote(note: string): string {
  return note
    .replace(/[\u2600-\u27ff]|\ud83c[\udc00-\udfff]|\ud83d[\udc00-\udfff]|\ud83e[\udd10-\uddc0]/g, '\ufffd')
    .replace(/\r\n?/g, '\n')
    .replace(/\s{100,}/g, ' ')
    .replaceAll('\0', '')
    .replaceAll('\n', '\r\n');
}

/** The payment id of a sender at the very beginning of a note: `[emr-payments:<id>]` or `emr-payments <id>`, the id in 32 hex digits. */
const MARKER = /^\[?emr-payments[ :] ?([0-9a-f]{32})(?![0-9a-f])/;

export function paymentIdIn(note: string): string | null {
  return MARKER.exec(note)?.[1] ?? null;
}
