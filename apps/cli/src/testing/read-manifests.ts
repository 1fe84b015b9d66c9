import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Reads the manifests of a folder. @throws Error when a file is not the one that its manifest describes. */
export function readManifests(folder: string): { name: string; rows: number }[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => {
      const manifest = JSON.parse(readFileSync(join(folder, name), 'utf8'));
      const digest = createHash('sha256')
        .update(readFileSync(join(folder, manifest.file)))
        .digest('hex');
      if (digest !== manifest.sha256) throw new Error(`${manifest.file} is not what ${name} says`);
      return manifest;
    });
}
