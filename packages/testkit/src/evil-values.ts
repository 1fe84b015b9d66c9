/** Texts that can be neither stored nor shown. In a path or a query they are percent-encoded, in a body JSON-escaped. */
export const UNSTORABLE = ['\0', 'a\0b', '\u0001', '\u001b[2J', '\u007f', 'a\u0085b', '\u009b'];

/** The same for JSON only: UTF-8 has no form for half of a surrogate pair. */
export const UNSTORABLE_IN_JSON = [...UNSTORABLE, '\ud800', 'x\udc00y', '\ude00\ud83d'];

/** Parts of a URL that are no text: broken percent encoding, bytes that are not UTF-8, an encoded surrogate. */
export const BROKEN_ENCODING = [
  '%',
  '%z',
  '%zz',
  '%u0000',
  '%FF',
  '%C0%80',
  '%ED%A0%80',
  '%F4%90%80%80',
  'a%',
];

/** Texts that are valid and unusual: numbers out of range, dates that are none, other syntaxes, odd names. */
export const UNUSUAL = [
  '',
  ' ',
  '\u00a0',
  '\u2028',
  '\ufeff',
  '\u202ex',
  '-1',
  '0',
  '1.5',
  '1e2',
  '1e400',
  '-1e400',
  'NaN',
  'Infinity',
  '9007199254740993',
  '99999999999999999999',
  '0x10',
  '0000-00-00',
  '0000-01-01',
  '2026-02-30',
  '99999-01-01',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:60Z',
  '2026-06-15T24:00:00Z',
  '2026-06-15T10:30:00+99:99',
  '+275760-09-13T00:00:01Z',
  '../../x',
  '..%2f..%2fx',
  "' OR 1=1 --",
  '__proto__',
  'constructor',
  'null',
  'true',
  '[]',
  '😀'.repeat(100),
  'x'.repeat(5000),
];

/** JSON texts of values of every type, for fields of a body. */
export const JSON_VALUES = [
  'null',
  'true',
  '0',
  '-0',
  '-1',
  '1e400',
  '-1e400',
  '1e-400',
  '9007199254740993',
  '0.1234567890123456789',
  '[]',
  '[null]',
  '[[]]',
  '{}',
  '{"a":{"b":{}}}',
  '{"toString":1}',
  `${'['.repeat(500)}${']'.repeat(500)}`,
];
