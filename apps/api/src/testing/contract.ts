import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';

type Json = Record<string, unknown>;
type Content = Record<string, { schema: Json }>;
type Parameter = { name: string; in: string; required?: boolean; schema: Json };
type Operation = {
  operationId: string;
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Content };
  responses: Record<string, { content?: Content; headers?: Json }>;
};

const BASE = 'https://document.invalid/';
/** Statuses that need no documentation for unknown operations: they are answered before an operation is chosen. */
const WITHOUT_OPERATION = new Set([404, 405, 204]);

/**
 * Compares requests and answers with the OpenAPI document. An answer with an undocumented status, media type or shape
 * (an additional key included) is an error; so is a request that was accepted although the document forbids it.
 */
export function openContract(document: Json) {
  const ajv = new Ajv2020.default({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addSchema(strictly(structuredClone(document)) as Json, BASE);
  const compiled = new Map<string, ValidateFunction>();
  const at = (...path: string[]): ValidateFunction => {
    const pointer = path.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
    const known = compiled.get(pointer) ?? ajv.compile({ $ref: `${BASE}#${encodeURI(pointer)}` });
    compiled.set(pointer, known);
    return known;
  };
  const check = (what: string, validate: ValidateFunction, value: unknown): void => {
    if (!validate(value))
      throw new Error(`${what} is not what the document says: ${ajv.errorsText(validate.errors)}`);
  };
  const paths = Object.entries(document.paths as Record<string, Record<string, Operation>>).map(
    ([path, operations]) => ({
      path,
      operations,
      matches: new RegExp(`^${path.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`),
    }),
  );

  return (input: { method: string; url: string; body: unknown }, answer: LightMyRequestResponse): void => {
    const method = input.method.toLowerCase();
    const { pathname, searchParams } = new URL(input.url, BASE);
    // The document is for integrators: it has nothing of what EMRs send.
    if (!/^\/((operator\/)?v1|health)\//.test(pathname) || pathname.startsWith('/v1/emr-notices/')) return;
    const found = paths.find(({ matches }) => matches.test(pathname));
    const operation = found?.operations[method];
    const what = `${answer.statusCode} to ${input.method} ${pathname}`;
    if (found === undefined || operation === undefined) {
      if (method !== 'head' && !WITHOUT_OPERATION.has(answer.statusCode))
        throw new Error(`${what} is not documented`);
      return;
    }

    const response = operation.responses[String(answer.statusCode)];
    if (response === undefined) throw new Error(`${what} is not documented`);
    const type = String(answer.headers['content-type'] ?? '').split(';')[0] ?? '';
    if (response.content?.[type] === undefined)
      throw new Error(`${what} of type '${type}' is not documented`);
    const place = [
      'paths',
      found.path,
      method,
      'responses',
      String(answer.statusCode),
      'content',
      type,
      'schema',
    ];
    check(what, at(...place), type === 'application/json' ? answer.json() : answer.body);

    if (answer.statusCode >= 300) return;
    for (const [name] of searchParams) {
      const known = operation.parameters?.some(
        (parameter) => parameter.in === 'query' && parameter.name === name,
      );
      if (known !== true) throw new Error(`the parameter ${name} of ${what} is not documented`);
    }
    if (input.body === undefined) {
      if (operation.requestBody?.required === true)
        throw new Error(`${what} must have a body by the document`);
    } else {
      const [media = 'application/json'] = Object.keys(operation.requestBody?.content ?? {});
      check(
        `the body of ${what}`,
        at('paths', found.path, method, 'requestBody', 'content', media, 'schema'),
        input.body,
      );
    }
  };
}

/** Forbids additional properties in objects that do not mention them: an answer must not have undocumented keys. */
function strictly(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(strictly);
  if (typeof node !== 'object' || node === null) return node;
  const copy: Json = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, strictly(value)]));
  if (copy.type === 'object' && 'properties' in copy && !('additionalProperties' in copy)) {
    copy.additionalProperties = false;
  }
  return copy;
}

/** From now on every `app.inject` is compared with the app's own document. */
export async function holdToContract(app: FastifyInstance): Promise<void> {
  await app.ready();
  const contract = openContract(JSON.parse(JSON.stringify(app.swagger())) as Json);
  const inject = app.inject.bind(app) as (options: InjectOptions | string) => Promise<LightMyRequestResponse>;
  const checked = async (options: InjectOptions | string): Promise<LightMyRequestResponse> => {
    const answer = await inject(options);
    const {
      method = 'GET',
      url,
      payload,
    } = typeof options === 'string' ? { url: options } : (options as InjectOptions);
    contract({ method, url: String(url), body: bodyOf(payload) }, answer);
    return answer;
  };
  Object.assign(app, { inject: checked });
}

function bodyOf(payload: unknown): unknown {
  if (payload === undefined || payload === '') return undefined;
  if (typeof payload !== 'string') return payload;
  try {
    return JSON.parse(payload);
  } catch {
    // The API has refused it.
    return payload;
  }
}
