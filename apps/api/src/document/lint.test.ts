import { createConfig, lintFromString } from '@redocly/openapi-core';
import { expect, test } from 'vitest';
import { openApiText, operatorApiText } from '../publish/text.ts';

const DOCUMENTS: [string, () => Promise<string>][] = [
  ['the document', openApiText],
  ["the operator's document", operatorApiText],
];

const config = await createConfig({ extends: ['recommended'] });

const lint = async (source: string) =>
  (await lintFromString({ source, absoluteRef: '/openapi.json', config })).map(
    ({ ruleId, severity, message, location }) => `${severity} ${ruleId} ${location[0]?.pointer}: ${message}`,
  );

test.each(DOCUMENTS)('%s is clean by the recommended rules of a public linter', async (_name, textOf) => {
  expect(await lint(await textOf())).toEqual([]);
});

test('the linter finds an error', async () => {
  const document = JSON.parse(await openApiText());
  delete document.paths['/v1/payments'].post.operationId;
  expect(await lint(JSON.stringify(document))).toEqual([expect.stringContaining('operation-operationId')]);
});

test.each(DOCUMENTS)(
  '%s: every operation has a summary, its errors, and an example of what it takes and answers',
  async (_name, textOf) => {
    const { paths, components } = JSON.parse(await textOf());
    const hasExample = ({
      example,
      examples,
      schema,
    }: {
      example?: unknown;
      examples?: unknown;
      schema: { $ref?: string };
    }) =>
      example !== undefined ||
      examples !== undefined ||
      components.schemas[schema.$ref?.split('/').at(-1) ?? '']?.examples !== undefined;
    for (const [path, operations] of Object.entries(paths as Record<string, object>)) {
      for (const [method, operation] of Object.entries(operations)) {
        const what = `${method} ${path}`;
        expect(operation.summary, what).toEqual(expect.any(String));
        if (!/^\/(operator\/)?v1\//.test(path)) continue;
        expect(Object.keys(operation.responses), what).toEqual(
          expect.arrayContaining(['200', '401', '429', '500', '503']),
        );
        const taken = operation.requestBody?.content['application/json'];
        if (taken !== undefined) expect(hasExample(taken), `what ${what} takes`).toBe(true);
        expect(
          hasExample(operation.responses['200'].content['application/json']),
          `what ${what} answers`,
        ).toBe(true);
      }
    }
  },
);

type Described = { description?: string; $ref?: string };
type Schema = Described & { properties?: Record<string, Described> };

test.each(DOCUMENTS)(
  '%s: everything has a description: operations, parameters, answers, tags, schemas and their fields',
  async (_name, textOf) => {
    const { paths, components, tags, info } = JSON.parse(await textOf());
    const schemas = components.schemas as Record<string, Schema>;
    const has = ({ description, $ref }: Described) =>
      Boolean(description ?? schemas[$ref?.split('/').at(-1) ?? '']?.description);
    const bare: string[] = [];
    const check = (what: string, described: Described) => {
      if (!has(described)) bare.push(what);
    };
    for (const tag of tags) check(`tag ${tag.name}`, tag);
    for (const [name, schema] of Object.entries(schemas)) {
      check(name, schema);
      for (const [field, of] of Object.entries(schema.properties ?? {})) check(`${name}.${field}`, of);
    }
    for (const [path, operations] of Object.entries(paths as Record<string, object>)) {
      for (const [method, operation] of Object.entries(operations)) {
        check(`${method} ${path}`, operation);
        for (const parameter of operation.parameters ?? [])
          check(`${method} ${path} ${parameter.name}`, parameter);
        for (const [status, answer] of Object.entries(operation.responses))
          check(`${method} ${path} ${status}`, answer as Described);
      }
    }
    expect(bare).toEqual([]);
    expect(info).toMatchObject({
      license: { identifier: 'Apache-2.0' },
      contact: { name: expect.any(String) },
    });
  },
);
