import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { helmDocuments } from './helm-documents.ts';
import { hasHelm, renderedManifests } from './helm-render.ts';

/** `pnpm helm-documents`: writes the parts of the chart that are made from others, and the manifests of tests/helm, which need helm. */
const root = join(import.meta.dirname, '..');
const write = (documents: Record<string, string>) => {
  for (const [path, text] of Object.entries(documents)) writeFileSync(join(root, path), text);
};
write(helmDocuments(root));
if (hasHelm()) write(renderedManifests(root));
else process.stderr.write('No helm on the PATH: the manifests of tests/helm were not written.\n');
