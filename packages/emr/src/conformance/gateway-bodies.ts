import type { WireAnswer } from './break-server.ts';

const JSON_TYPE = 'application/json';
const PAGE = '<!doctype html><title>Forbidden</title><p>The request was blocked.';
const TEXT = 'The answer was blocked by a rule. Support id: 4711.';

/**
 * Bodies that something between us and the EMR writes in place of the EMR's answer: web application firewalls, proxies, API managers
 * and their frameworks.
 */
const FOREIGN: readonly (readonly [name: string, contentType: string, body: string])[] = [
  ['a page', 'text/html', PAGE],
  ['a page that is called JSON', JSON_TYPE, PAGE],
  ['a text', 'text/plain', TEXT],
  ['a text that is called JSON', JSON_TYPE, TEXT],
  ['no body', JSON_TYPE, ''],
  ['blanks', 'text/plain', ' \r\n\u0000'],
  ['the JSON null', JSON_TYPE, 'null'],
  ['an empty list', JSON_TYPE, '[]'],
  // https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
  ['a message', JSON_TYPE, '{"message":"Forbidden"}'],
  // https://learn.microsoft.com/en-us/azure/api-management/api-management-error-handling-policies
  ['a status and a message', JSON_TYPE, '{"statusCode":403,"message":"Blocked."}'],
  // https://docs.apigee.com/api-platform/fundamentals/fault-handling
  ['a fault', JSON_TYPE, '{"fault":{"faultstring":"Blocked","detail":{"errorcode":"policies.Blocked"}}}'],
  // https://www.rfc-editor.org/rfc/rfc9457
  [
    'a problem',
    'application/problem+json',
    '{"type":"about:blank","title":"Forbidden","status":403,"detail":"Blocked."}',
  ],
  // https://docs.spring.io/spring-boot/reference/web/servlet.html#web.servlet.spring-mvc.error-handling
  [
    'an error of Spring',
    JSON_TYPE,
    '{"timestamp":"2026-06-15T00:00:00Z","status":403,"error":"Forbidden","path":"/"}',
  ],
  // https://www.rfc-editor.org/rfc/rfc6750#section-3.1
  [
    'an error of OAuth',
    JSON_TYPE,
    '{"error":"insufficient_scope","error_description":"Blocked by the gateway."}',
  ],
  // https://www.starlette.io/exceptions/
  ['a status called error', JSON_TYPE, '{"error":"Forbidden"}'],
  ['a status called detail', JSON_TYPE, '{"detail":"Forbidden"}'],
  ['a flag and a code', JSON_TYPE, '{"error":true,"code":403}'],
  ['an error and the id of a request', JSON_TYPE, '{"error":"Blocked.","request_id":"4711"}'],
  ['an error in an error', JSON_TYPE, '{"error":{"code":403,"message":"Blocked."}}'],
  ['a list of errors', JSON_TYPE, '{"errors":["Blocked."]}'],
  ['a list called error', JSON_TYPE, '{"error":["Blocked."]}'],
];

/** The same, and answers in nearly the form in which this EMR refuses. */
export function gatewayBodies(
  complaint: string,
): readonly { name: string; answer: Omit<WireAnswer, 'status'> }[] {
  const nearly: typeof FOREIGN = complaint.startsWith('{')
    ? [
        ['half of a refusal', JSON_TYPE, complaint.slice(0, -2)],
        ['a refusal in a list', JSON_TYPE, `[${complaint}]`],
      ]
    : [];
  return [...FOREIGN, ...nearly].map(([name, contentType, body]) => ({
    name,
    answer: { headers: { 'content-type': contentType }, body },
  }));
}
