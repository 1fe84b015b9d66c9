import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { environmentDocuments } from './environment-documents.ts';

/** `pnpm env-example`: writes .env.example and the tables of docs/configuration.md from the processes' schemas. */
const root = join(import.meta.dirname, '..');
for (const [file, content] of Object.entries(await environmentDocuments(root))) {
  writeFileSync(join(root, file), content);
}
