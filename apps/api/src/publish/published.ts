import { errorsPage, failureCodesPage } from './code-pages.ts';
import { openApiText, operatorApiText } from './text.ts';

/** The files in docs/ that are made from the contracts: name, and the function that writes the text. */
export const PUBLISHED: Readonly<Record<string, () => string | Promise<string>>> = {
  'openapi.json': openApiText,
  'operator-openapi.json': operatorApiText,
  'failure-codes.md': failureCodesPage,
  'errors.md': errorsPage,
};

/** The path of a published file. */
export function publishedFile(name: string): URL {
  return new URL(`../../../../docs/${name}`, import.meta.url);
}
