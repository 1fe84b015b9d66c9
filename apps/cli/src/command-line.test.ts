import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { createCli } from './cli.ts';
import { buildProgram } from './command-line.ts';
import { done, failure, type Outcome } from './outcome.ts';

function screen() {
  const written: string[] = [];
  return { write: (text: string) => written.push(text), text: () => written.join('') };
}
const terminalOfTest = () => ({ stdin: process.stdin, stdout: screen(), stderr: screen() });

function allCommands(): Command[] {
  const terminal = terminalOfTest();
  const program = buildProgram({ terminal }, () =>
    createCli({ terminal, wantsJson: () => false, onEnd: () => undefined }),
  );
  const below = (command: Command): Command[] => [command, ...command.commands.flatMap(below)];
  return below(program);
}
const helpOf = (name: string): string => {
  const command = allCommands().find((one) => `${one.parent?.name() ?? ''} ${one.name()}` === name);
  if (command === undefined) throw new Error(`there is no command ${name}`);
  return command.helpInformation().replace(/\s+/g, ' ');
};

test('help shows a time as it is typed, what must be given, and nothing for an option that is off', () => {
  for (const name of ['client rotate-secret', 'user rotate-token', 'operator-key rotate'])
    expect(helpOf(name)).toMatch(/--overlap <time> how long the old \w+ stays valid \(default: 24h\)/);
  expect(helpOf('hold on')).toContain('(default: 2m)');
  expect(helpOf('patients import')).toContain('--user <user_id> the user whose patients they are (required)');
  expect(helpOf('patients import')).not.toContain('default');
  expect(helpOf('client create')).toContain('(choices: test, live; default: live)');
});

test('every option of every command is described, and no default is a number of milliseconds', () => {
  for (const command of allCommands()) {
    for (const { flags, description } of command.options)
      expect({ flags, described: description !== '' }).toEqual({ flags, described: true });
    expect(command.helpInformation()).not.toMatch(/default: \d{5}/);
    expect(command.helpInformation()).toContain('--json');
  }
});

async function shown(outcome: Outcome, wantsJson = false) {
  const terminal = terminalOfTest();
  const cli = createCli({ terminal, wantsJson: () => wantsJson, onEnd: () => undefined });
  await cli.runAlone(async () => outcome);
  return { stdout: terminal.stdout.text(), stderr: terminal.stderr.text() };
}

test('no text of an outcome makes the terminal do something, in any form of output', async () => {
  const name = 'a\u001b[2J\u009b2J\u202eb\u2028c\u007f';
  const neutral = 'a�[2J�2J�b�c�';
  expect(await shown(done({}, `one: ${name}\ntwo`))).toEqual({
    stdout: `one: ${neutral}\ntwo\n`,
    stderr: '',
  });
  expect(await shown(failure('failed', name))).toEqual({ stdout: '', stderr: `${neutral}\n` });
  const { stdout } = await shown(done({ name }, ''), true);
  expect(stdout).not.toMatch(/[^\P{Cc}\n]|\p{Bidi_Control}|\u2028/u);
  expect(JSON.parse(stdout)).toEqual({ name });
});
