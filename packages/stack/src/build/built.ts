import { join } from 'node:path';

/** The folder of the repository, or of the image. */
export const ROOT = join(import.meta.dirname, '..', '..', '..', '..');

/** The apps as they run: `buildApps` makes them. */
export const BUILT = join(ROOT, 'dist');
