import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type Release = {
  /** The tag of the release, such as `v1.2.0`. */
  tag: string;
  /** The version of package.json. */
  version: string;
  /** CHANGELOG.md, in the form of Keep a Changelog. */
  changelog: string;
  /** The image with its digest, when it has been pushed. */
  image?: string | undefined;
};

export type Notes = { outcome: 'notes'; text: string } | { outcome: 'refused'; reason: string };

/** Cuts the section of a release from the changelog, and refuses a tag that is not of the version that is being released. */
export function releaseNotes({ tag, version, changelog, image }: Release): Notes {
  if (tag !== `v${version}`) {
    return {
      outcome: 'refused',
      reason: `The tag is ${tag}, but package.json has the version ${version}. Change one of them: the tag is v and the version.`,
    };
  }
  const lines = changelog.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`## [${version}]`));
  if (start < 0) {
    const reason = `CHANGELOG.md has no section ## [${version}]. Rename the section Unreleased, and begin a new one above it.`;
    return { outcome: 'refused', reason };
  }
  if (!/^## \[[^\]]+\] - \d{4}-\d{2}-\d{2}$/.test(lines[start] ?? '')) {
    const reason = `The section of ${version} in CHANGELOG.md has no date. Write ## [${version}] - YYYY-MM-DD.`;
    return { outcome: 'refused', reason };
  }
  const after = lines.slice(start + 1);
  const end = after.findIndex((line) => line.startsWith('## '));
  const section = (end < 0 ? after : after.slice(0, end)).join('\n').trim();
  if (section === '') {
    return { outcome: 'refused', reason: `The section of ${version} in CHANGELOG.md is empty.` };
  }
  return { outcome: 'notes', text: `${image === undefined ? '' : `Image: \`${image}\`\n\n`}${section}\n` };
}

/** `node scripts/release-notes.ts TAG FILE [IMAGE]`: writes the notes of the release into the file; exit code 1 when it is refused. */
function main([tag = '', file = '', image]: readonly string[]): void {
  const root = join(import.meta.dirname, '..');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
  const notes = releaseNotes({ tag, version, changelog, image });
  if (notes.outcome === 'refused') {
    process.stderr.write(`${notes.reason}\n`);
    process.exitCode = 1;
    return;
  }
  writeFileSync(file, notes.text);
}

if (import.meta.main) main(process.argv.slice(2));
