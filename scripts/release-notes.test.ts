import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { releaseNotes } from './release-notes.ts';

const changelog = `# Changelog

## [Unreleased]

### Added

- Something new.

## [1.2.0] - 2026-12-01

### Fixed

- Something old.

## [1.1.0]

- Something without a date.

## [1.0.0] - 2026-10-01
`;

test('the notes are the section of the version, without its heading', () => {
  expect(releaseNotes({ tag: 'v1.2.0', version: '1.2.0', changelog })).toEqual({
    outcome: 'notes',
    text: '### Fixed\n\n- Something old.\n',
  });
});

test('the image is named first', () => {
  const image = 'ghcr.io/a/b:1.2.0@sha256:1';
  expect(releaseNotes({ tag: 'v1.2.0', version: '1.2.0', changelog, image })).toEqual({
    outcome: 'notes',
    text: `Image: \`${image}\`\n\n### Fixed\n\n- Something old.\n`,
  });
});

test('the notes of a version are not those of its release candidate', () => {
  const both = changelog.replace(
    '## [1.2.0]',
    '## [1.2.0-rc.1] - 2026-11-30\n\n### Fixed\n\n- Something tried.\n\n## [1.2.0]',
  );
  expect(releaseNotes({ tag: 'v1.2.0', version: '1.2.0', changelog: both })).toEqual({
    outcome: 'notes',
    text: '### Fixed\n\n- Something old.\n',
  });
});

test.each([
  ['v1.2.1', '1.2.0', /^The tag is v1\.2\.1, but package\.json has the version 1\.2\.0\./],
  ['1.2.0', '1.2.0', /^The tag is 1\.2\.0, but/],
  ['v9.0.0', '9.0.0', /has no section ## \[9\.0\.0\]/],
  ['v1.1.0', '1.1.0', /has no date/],
  ['v1.0.0', '1.0.0', /is empty/],
])('the tag %s of version %s is refused, with what to do', (tag, version, reason) => {
  expect(releaseNotes({ tag, version, changelog })).toEqual({
    outcome: 'refused',
    reason: expect.stringMatching(reason),
  });
});

const root = join(import.meta.dirname, '..');

test('the version of package.json can be released once its section has a date', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const today = readFileSync(join(root, 'CHANGELOG.md'), 'utf8').replace(
    '## [Unreleased]',
    '## [99.0.0] - 2026-01-01',
  );
  expect(releaseNotes({ tag: 'v99.0.0', version: '99.0.0', changelog: today }).outcome).toBe('notes');
  expect(releaseNotes({ tag: `v${version}`, version, changelog: today }).outcome).toBe('notes');
});

test('every action of the workflows is named by the hash of a commit, and the version beside it', () => {
  const workflows = ['ci.yml', 'release.yml'].map((name) =>
    readFileSync(join(root, '.github', 'workflows', name), 'utf8'),
  );
  const used = workflows.flatMap((text) => [...text.matchAll(/uses: (\S+)( # v[\d.]+)?$/gm)]);
  const others = used
    .map(([line]) => line)
    .filter((line) => !/^uses: \S+@[0-9a-f]{40} # v[\d.]+$/.test(line));
  expect(used.length).toBeGreaterThan(5);
  expect(others).toEqual(['uses: ./.github/workflows/ci.yml']);
});
