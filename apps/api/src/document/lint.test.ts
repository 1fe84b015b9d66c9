import { createConfig, lintFromString } from '@redocly/openapi-core';
import { expect, test } from 'vitest';
import { openApiText } from '../publish/text.ts';

const config = await createConfig({ extends: ['recommended'] });

const lint = async (source: string) =>
  (await lintFromString({ source, absoluteRef: '/openapi.json', config })).map(
    ({ ruleId, severity, message, location }) => `${severity} ${ruleId} ${location[0]?.pointer}: ${message}`,
  );

test('the document is clean by the recommended rules of a public linter', async () => {
  expect(await lint(await openApiText())).toEqual([]);
});

test('the linter finds an error', async () => {
  const document = JSON.parse(await openApiText());
  delete document.paths['/v1/payments'].post.operationId;
  expect(await lint(JSON.stringify(document))).toEqual([expect.stringContaining('operation-operationId')]);
});

test('every operation has a summary, its errors, and an example of what it takes and answers', async () => {
  const { paths, components } = JSON.parse(await openApiText());
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
      if (!path.startsWith('/v1/')) continue;
      expect(Object.keys(operation.responses), what).toEqual(
        expect.arrayContaining(['200', '401', '429', '500', '503']),
      );
      const taken = operation.requestBody?.content['application/json'];
      if (taken !== undefined) expect(hasExample(taken), `what ${what} takes`).toBe(true);
      expect(hasExample(operation.responses['200'].content['application/json']), `what ${what} answers`).toBe(
        true,
      );
    }
  }
});
