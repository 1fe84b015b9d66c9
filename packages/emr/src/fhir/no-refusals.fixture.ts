import type { Answer } from '../http/exchange.ts';

const HTML = '<!doctype html><title>403 Forbidden</title><p>The request was blocked.';
const FHIR_JSON = 'application/fhir+json; charset=utf-8';
const outcome = (...issue: object[]) => JSON.stringify({ resourceType: 'OperationOutcome', issue });
const issue = { severity: 'error', code: 'processing' };

/** Bodies that hold no refusal of a FHIR server, whatever status comes with them. */
const BODIES: readonly (readonly [name: string, contentType: string, body: string])[] = [
  ["a gateway's page", 'text/html', HTML],
  ['a page that is called FHIR', FHIR_JSON, HTML],
  ["a gateway's text", 'text/plain', 'Request blocked.'],
  ["a gateway's JSON", 'application/json', '{"message":"Forbidden"}'],
  ['no body', FHIR_JSON, ''],
  ['blanks', FHIR_JSON, ' \r\n\u0000'],
  ['the JSON null', FHIR_JSON, 'null'],
  ['another resource', FHIR_JSON, '{"resourceType":"Basic","id":"1"}'],
  ['an OperationOutcome without its type', FHIR_JSON, JSON.stringify({ issue: [issue] })],
  ['an OperationOutcome without issues', FHIR_JSON, '{"resourceType":"OperationOutcome"}'],
  ['an OperationOutcome with no issue', FHIR_JSON, outcome()],
  ['an OperationOutcome with an issue that is none', FHIR_JSON, outcome([])],
  ['an OperationOutcome with a warning only', FHIR_JSON, outcome({ ...issue, severity: 'warning' })],
  [
    'an OperationOutcome with information only',
    FHIR_JSON,
    outcome({ severity: 'information', code: 'informational' }),
  ],
  ['half of an OperationOutcome', FHIR_JSON, outcome(issue).slice(0, -2)],
  ['an OperationOutcome in XML', 'application/fhir+xml', '<OperationOutcome xmlns="http://hl7.org/fhir"/>'],
  ['an OperationOutcome in a list', FHIR_JSON, `[${outcome(issue)}]`],
];

/** Statuses by which a FHIR server refuses a create, and those by which gateways do. */
const STATUSES = [400, 403, 404, 405, 410, 413, 414, 415, 418, 422, 431, 451];

/** 4xx answers to a create after which the payment may be there. */
export const NO_REFUSALS: readonly { name: string; answer: Answer }[] = STATUSES.flatMap((status) =>
  BODIES.map(([name, contentType, body]) => ({
    name: `${status} with ${name}`,
    answer: { kind: 'answer', status, headers: { 'content-type': contentType }, body },
  })),
);

/** The same statuses with a refusal as FHIR gives it. */
export const REFUSALS: readonly Answer[] = STATUSES.map((status) => ({
  kind: 'answer',
  status,
  headers: { 'content-type': FHIR_JSON },
  body: outcome(issue),
}));
