import { errorsPage, failureCodesPage } from './code-pages.ts';
import { openApiText } from './text.ts';

/** What stands in docs/ and is made from the contracts: the file's name, and how its text is made. */
export const PUBLISHED: Readonly<Record<string, () => string | Promise<string>>> = {
  'openapi.json': openApiText,
  'failure-codes.md': failureCodesPage,
  'errors.md': errorsPage,
};

/** Where a published file stands. */
export function publishedFile(name: string): URL {
  return new URL(`../../../../docs/${name}`, import.meta.url);
}
