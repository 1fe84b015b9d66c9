import Ajv2020 from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { expect, test } from 'vitest';
import { openApiText, operatorApiText } from '../publish/text.ts';

type Json = Record<string, unknown>;
type Example = { at: string; value: unknown };

const document = JSON.parse(await openApiText()) as Json;
const ID = 'https://document.invalid/';

const isObject = (node: unknown): node is Json =>
  typeof node === 'object' && node !== null && !Array.isArray(node);

/** Finds every example and default of the document, with the place of its schema. */
function examplesIn(node: unknown, at = ''): Example[] {
  if (Array.isArray(node)) return node.flatMap((each, index) => examplesIn(each, `${at}/${index}`));
  if (!isObject(node)) return [];
  const { schema, example, examples, default: standard } = node;
  const found: Example[] = [];
  // Beside a `schema`, of a body or a parameter; inside of one, a list.
  if (isObject(schema)) {
    const named = isObject(examples) ? Object.values(examples).map((each) => (each as Json).value) : [];
    for (const value of [...named, example])
      if (value !== undefined) found.push({ at: `${at}/schema`, value });
  } else {
    for (const value of Array.isArray(examples) ? examples : []) found.push({ at, value });
    if (standard !== undefined) found.push({ at, value: standard });
  }
  for (const [key, each] of Object.entries(node)) {
    if (['example', 'examples', 'default'].includes(key)) continue;
    found.push(...examplesIn(each, `${at}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`));
  }
  return found;
}

function faultsIn(of: Json): string[] {
  const ajv = new Ajv2020.default({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addSchema(of, ID);
  return examplesIn(of).flatMap(({ at, value }) => {
    const fits = ajv.compile({ $ref: `${ID}#${encodeURI(at)}` });
    return fits(value) ? [] : [`${at}: ${ajv.errorsText(fits.errors)}`];
  });
}

test("every example of the operator's document is what its schema says", async () => {
  const operators = JSON.parse(await operatorApiText()) as Json;
  expect(examplesIn(operators).length).toBeGreaterThan(200);
  expect(faultsIn(operators)).toEqual([]);
});

test('every example is what its schema says', () => {
  expect(examplesIn(document).length).toBeGreaterThan(400);
  expect(faultsIn(document)).toEqual([]);
});

test('an example that lacks a field is found', () => {
  const broken = structuredClone(document) as { components: { schemas: Record<string, Json> } };
  broken.components.schemas.Job = { ...broken.components.schemas.Job, examples: [{ job_id: 1 }] };
  expect(faultsIn(broken).join()).toContain(
    "/components/schemas/Job: data must have required property 'kind'",
  );
});
