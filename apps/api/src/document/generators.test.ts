import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, test } from 'vitest';
import { withNamedSchemas } from '../openapi/named-schemas.ts';
import { openApiText, operatorApiText } from '../publish/text.ts';

// The forms that break generators of clients, as found with openapi-generator (Go, Java, Kotlin, Python, Rust, PHP),
// openapi-python-client, oapi-codegen, datamodel-code-generator and orval. `pnpm clients` runs them.

type Json = Record<string, unknown>;
type Found = { at: string; node: Json };

type Document = Json & {
  components: { schemas: Record<string, Json> };
  webhooks: Record<string, { post: Json }>;
};

const document = JSON.parse(await openApiText()) as Document;
const operators = JSON.parse(await operatorApiText()) as Document;

/** All objects of the document that are not data. */
function objectsIn(node: unknown, at = ''): Found[] {
  if (typeof node !== 'object' || node === null) return [];
  const own: Found[] = Array.isArray(node) ? [] : [{ at, node: node as Json }];
  return [
    ...own,
    ...Object.entries(node)
      .filter(([key]) => !['example', 'examples', 'enum', 'default'].includes(key))
      .flatMap(([key, value]) => objectsIn(value, `${at}/${key}`)),
  ];
}

const isComponent = (at: string) => /^\/components\/schemas\/[^/]+$/.test(at);

describe.each([
  { name: 'the document', document, inlineObjects: ['/components/schemas/Event/properties/data'] },
  { name: "the operator's document", document: operators, inlineObjects: [] },
])('$name', ({ document, inlineObjects }) => {
  const objects = objectsIn(document);
  const where = (isBad: (found: Found) => boolean) => objects.filter(isBad).map(({ at }) => at);

  test('it is valid by the schema of OpenAPI', async () => {
    expect(await new Validator().validate(structuredClone(document))).toEqual({ valid: true });
    const broken = { ...structuredClone(document), info: {} };
    expect(await new Validator().validate(broken)).toMatchObject({ valid: false });
  });

  test('null is part of a type, and never a schema of its own', () => {
    expect(where(({ node }) => node.type === 'null')).toEqual([]);
    // Beside null, an enum becomes several types.
    expect(where(({ node }) => Array.isArray(node.type) && node.enum !== undefined)).toEqual([]);
    const types = objects.map(({ node }) => node.type).filter(Array.isArray);
    expect(types.length).toBeGreaterThan(20);
    expect(types.filter((type) => type.length !== 2 || type[1] !== 'null')).toEqual([]);
  });

  test('no constant, and no union of schemas', () => {
    expect(where(({ node }) => 'const' in node)).toEqual([]);
    expect(where(({ node }) => 'anyOf' in node || 'oneOf' in node || 'allOf' in node)).toEqual([]);
  });

  test('patterns are plain ASCII ranges that every language compiles', () => {
    const patterns = objects.flatMap(({ at, node }) =>
      typeof node.pattern === 'string' ? [{ at, pattern: node.pattern, format: node.format }] : [],
    );
    expect(patterns.length).toBeGreaterThan(20);
    // Groups, back references, classes by name, and bytes from 0x80 on, which clients in PHP compare with parts of letters.
    const forbidden = /\(|\\[pPbBdDwWsSuUkK1-9]|\\x[89a-fA-F]|[^ -~]/;
    expect(patterns.filter(({ pattern }) => forbidden.test(pattern))).toEqual([]);
    // Clients turn dates into objects, to which they cannot apply a pattern.
    expect(patterns.filter(({ format }) => format !== undefined)).toEqual([]);
    for (const { pattern } of patterns)
      expect(() => [new RegExp(pattern), new RegExp(pattern, 'u')]).not.toThrow();
  });

  test('every free text in a path or a query has the rule of the text gate', () => {
    const parameters = objects.filter(({ node }) => node.in === 'path' || node.in === 'query');
    const texts = parameters.map(({ node }) => node.schema as Json).filter(({ type }) => type === 'string');
    expect(texts.length).toBeGreaterThan(20);
    expect(
      texts.filter(({ pattern, format, enum: all }) => (pattern ?? format ?? all) === undefined),
    ).toEqual([]);
  });

  test('enums with names have no value in common: in Go, the values are names of the whole package', () => {
    const values = Object.values(document.components.schemas).flatMap(
      ({ enum: all }) => (all ?? []) as string[],
    );
    expect(values.length).toBeGreaterThan(10);
    expect(values).toEqual([...new Set(values)]);
  });

  test('numbers have a width: without one, clients take 32 bits', () => {
    expect(where(({ node }) => node.type === 'number' && node.format !== 'double')).toEqual([]);
    const unbounded = objects.filter(
      ({ at, node }) =>
        /\/job_id$/.test(at) && JSON.stringify(node.type).includes('integer') && node.format !== 'int64',
    );
    expect(unbounded).toEqual([]);
  });

  test('no field has the name of its object: clients of openapi-python-client read the one for the other', () => {
    const named = Object.entries(document.components.schemas).filter(([name, { properties = {} }]) =>
      Object.hasOwn(properties as Json, name.replaceAll(/(?<!^)(?=[A-Z])/g, '_').toLowerCase()),
    );
    expect(named.map(([name]) => name)).toEqual([]);
  });

  test('every object has a name of its own', () => {
    // An object without declared fields becomes a map.
    const inline = where(({ at, node }) => 'properties' in node && 'type' in node && !isComponent(at));
    expect(inline.filter((at) => !/\/properties\/data$/.test(at))).toEqual([]);
    expect(inline).toEqual(inlineObjects);
    // `NewX` is the constructor of X in Go; an Error is a type of every language.
    const names = Object.keys(document.components.schemas);
    expect(names.filter((name) => /^(New|Error$)|Response|Inline|\d/.test(name))).toEqual([]);
  });
});

test('webhooks are documented, and not offered as calls', () => {
  const operations = Object.values(document.webhooks).map(({ post }) => post);
  expect(operations.map((post) => post['x-internal'])).toEqual(operations.map(() => true));
});

test('events may have further fields, and say so: clients of openapi-generator in Go and Java refuse them otherwise', () => {
  const { schemas } = document.components;
  const published = Object.values(document.webhooks).map(({ post }) => {
    const [, name = ''] = /#\/components\/schemas\/(\w+Event)"/.exec(JSON.stringify(post.requestBody)) ?? [];
    return name;
  });
  expect(new Set(published).size).toBe(8);
  const data = [
    'PostedPayment',
    'FailedPayment',
    'PaymentToReview',
    'DisabledEndpoint',
    'TestedEndpoint',
    'BrokenConnection',
    'RestoredConnection',
    'ConnectedUser',
  ];
  for (const name of ['Event', ...published, ...data]) {
    expect(schemas[name]?.additionalProperties, name).toBe(true);
  }
});

test('two different schemas cannot have one name', () => {
  const schema = (type: string) => ({ title: 'X', type });
  expect(withNamedSchemas({ paths: { a: schema('string'), b: schema('string') } })).toEqual({
    components: { schemas: { X: { type: 'string' } } },
    paths: { a: { $ref: '#/components/schemas/X' }, b: { $ref: '#/components/schemas/X' } },
  });
  expect(() => withNamedSchemas({ paths: { a: schema('string'), b: schema('integer') } })).toThrow(
    'two different schemas have the title X',
  );
});
