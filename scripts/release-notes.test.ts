import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
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

type Workflow = {
  jobs: {
    image: { steps: { id?: string; with?: { tags?: string } }[] };
    release: { steps: { run?: string }[] };
  };
};
const release = parse(readFileSync(join(root, '.github', 'workflows', 'release.yml'), 'utf8')) as Workflow;

test.each([
  ['v1.2.0', []],
  ['v1.2.0+build-7', []],
  ['v1.2.0-rc.1', ['--prerelease', '--latest=false']],
])('the release of %s is made with %j', (tag, flags) => {
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-release-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  // In place of the programs that the step runs.
  for (const [name, text] of [
    ['gh', 'printf "%s\\n" "$@"'],
    ['npx', 'exit 0'],
  ] as const) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  const script = release.jobs.release.steps.at(-1)?.run ?? '';
  const env = {
    PATH: `${folder}:${process.env.PATH}`,
    GITHUB_REF_NAME: tag,
    RUNNER_TEMP: folder,
    IMAGE: 'image',
  };
  // As GitHub runs a step: https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax
  const said = execFileSync('bash', ['-e', '-c', script], { env, encoding: 'utf8' });
  const [, , name, ...rest] = said.trim().split('\n');
  expect(name).toBe(tag);
  expect(rest.filter((flag) => /^--(prerelease|latest)/.test(flag))).toEqual(flags);
});

test('an image has its own version for a tag, and no other: no release moves a tag', () => {
  const build = release.jobs.image.steps.find(({ id }) => id === 'build');
  expect(build?.with?.tags?.trim()).toMatch(
    /^ghcr\.io\/\S+ needs\.notes\.outputs\.repository \}\}:\$\{\{ needs\.notes\.outputs\.version \}\}$/,
  );
});
