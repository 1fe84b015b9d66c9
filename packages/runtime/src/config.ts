import { isAbsolute } from 'node:path';
import type { Static, TObject } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { print } from './print.ts';
import { type FileStart, readFileStart } from './read-file-start.ts';

/** The environment is not enough to run the process. The message names the variable and says what it takes. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/**
 * Reads a process's configuration from the environment, through one schema. A process's config.ts exports that
 * schema as `environment`, and the function that reads it as `readConfig`.
 *
 * @param schema an object of TypeBox types. The `description` of a property says what the variable takes; a `default`
 *   makes it optional. Numbers and booleans are converted from their text. An empty variable counts as not set. A property
 *   with `secret: true` can also be given as a file: the variable NAME_FILE holds its path.
 * @throws ConfigError naming the first variable that is missing or wrong. Values are never quoted: they may be secret.
 */
export function loadConfig<T extends TObject>(schema: T, env: NodeJS.ProcessEnv): Static<T> {
  const given: Record<string, string> = {};
  const read: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(schema.properties)) {
    const text = property.secret === true ? secretOf(name, env) : env[name];
    if (text === undefined || text === '') continue;
    given[name] = text;
    const isNumber = property.type === 'integer' || property.type === 'number';
    read[name] = isNumber ? numberOf(text) : Value.Convert(property, text);
  }
  const value = Value.Default(schema, read);
  const problem = Value.Errors(schema, value).First();
  if (problem !== undefined) {
    const name = problem.path.slice(1).split('/')[0] ?? '';
    const property = schema.properties[name];
    const takes = property?.description === undefined ? '' : ` ${name}: ${property.description}.`;
    const fromFile = name in given && !env[name] ? `, in the file that ${name}_FILE names,` : '';
    const state =
      name in given ? `has a value that cannot be used (${beginInLowerCase(problem.message)})` : 'is not set';
    throw new ConfigError(`${name}${fromFile} ${state}.${blanksOf(given[name])}${takes}`);
  }
  return value as Static<T>;
}

/**
 * Reads a number in decimal digits, with blanks around it or not. Any other text is returned as it is, and the schema refuses it:
 * `Value.Convert` would read `1e3` and `true` as 1, and cut 1.9 down to 1.
 */
const numberOf = (text: string): number | string =>
  /^\s*-?\d+(\.\d+)?\s*$/.test(text) ? Number(text) : text;

/** Only the first letter changes: a sentence may quote a pattern, in which case counts. */
const beginInLowerCase = (sentence: string) => `${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`;

/** Says of a value that was refused where it has blanks, which nobody sees in an editor. */
function blanksOf(value = ''): string {
  const begins = value !== value.trimStart();
  const ends = value !== value.trimEnd();
  if (!begins && !ends) return '';
  const where = begins && ends ? 'begins and ends' : begins ? 'begins' : 'ends';
  return ` It ${where} with a blank, a tab or a line end. Remove it.`;
}

/** Bytes of the longest secret that is read from a file. Twenty encryption keys take 1 KiB. */
const MOST_BYTES = 64 * 1024;

/** Those of UTF-8 and of UTF-16, which some editors and shells write in front of a text. */
const BYTE_ORDER_MARKS = [
  Buffer.from('efbbbf', 'hex'),
  Buffer.from('fffe', 'hex'),
  Buffer.from('feff', 'hex'),
];

/**
 * Reads a secret from its variable, or from the file that NAME_FILE names, without the newline at the file's end.
 *
 * @throws ConfigError naming the variable and the path, never the content.
 */
function secretOf(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const path = env[`${name}_FILE`] ?? '';
  if (path === '') return env[name];
  if ((env[name] ?? '') !== '') {
    throw new ConfigError(`${name} and ${name}_FILE are both set. Give one of them.`);
  }
  // A value that is no absolute path may be the secret itself, in the wrong variable, so it is not quoted.
  if (!isAbsolute(path)) throw new ConfigError(`${name}_FILE is not the absolute path of a file.`);
  const file = `${name}_FILE names the file ${path}`;
  const content = readNamedFile(file, path, MOST_BYTES);
  if (BYTE_ORDER_MARKS.some((mark) => content.subarray(0, mark.length).equals(mark))) {
    const advice = 'It would be part of the secret. Save the file as UTF-8 without it';
    throw new ConfigError(`${file}, which begins with a byte order mark. ${advice}.`);
  }
  const secret = content.toString('utf8').replace(/\r?\n$/, '');
  if (secret.trim() === '') throw new ConfigError(`${file}, which is empty. Write the secret into it.`);
  return secret;
}

/**
 * Reads a file that a variable names.
 *
 * @param file the beginning of a sentence about it, such as `NAME names the file /path`.
 * @throws ConfigError for one that cannot be read or is too long, and for a pipe that gives nothing.
 */
export function readNamedFile(file: string, path: string, mostBytes: number): Buffer {
  let start: FileStart;
  try {
    start = readFileStart(path, mostBytes + 1);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    const advice = 'Check the path, and that the account of this process may read it';
    throw new ConfigError(`${file}, which cannot be read (${code}). ${advice}.`, { cause });
  }
  if (start.outcome === 'unwritten pipe') {
    const advice = 'Name a file, or a pipe whose writer has begun and ends';
    throw new ConfigError(`${file}, a pipe that nobody has written to its end. ${advice}.`);
  }
  if (start.content.length > mostBytes) {
    throw new ConfigError(`${file}, which has more than ${mostBytes} bytes. Is it the right one?`);
  }
  return start.content;
}

/**
 * Reads the configuration of a process that needs it before anything else. When `read` throws, the process ends with
 * exit code 1 and the error's sentence on standard error, without a stack.
 */
export function configOrExit<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    print('stderr', `${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
