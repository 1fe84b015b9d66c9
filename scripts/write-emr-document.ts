import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { emrDocument } from './emr-document.ts';

/** `pnpm emr-document`: writes docs/emrs.md from the adapters' own descriptions. */
writeFileSync(join(import.meta.dirname, '..', 'docs', 'emrs.md'), emrDocument());
