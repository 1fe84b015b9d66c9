/**
 * The headers that OWASP's REST sheet asks of every answer of an API. One that a browser takes for a page can load nothing, be
 * in no frame, and names itself to no other site. Pages for people have their own policy, from helmet.
 */
export const SECURITY_HEADERS = {
  'content-security-policy': "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;
