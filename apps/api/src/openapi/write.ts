import { writeFile } from 'node:fs/promises';
import { openApiText } from './text.ts';

// Writes docs/openapi.json, which is committed: `pnpm --filter @emr-payments/api openapi`, then `pnpm format`.
await writeFile(new URL('../../../../docs/openapi.json', import.meta.url), await openApiText());
