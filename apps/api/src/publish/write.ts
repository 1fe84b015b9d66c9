import { writeFile } from 'node:fs/promises';
import { PUBLISHED, publishedFile } from './published.ts';

// Writes the committed files that are made from the contracts: `pnpm --filter @emr-payments/api openapi`, then `pnpm format`.
for (const [name, textOf] of Object.entries(PUBLISHED)) {
  await writeFile(publishedFile(name), await textOf());
}
