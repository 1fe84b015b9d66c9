import type { Static, TObject } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';

/** The environment is not enough to run the process. The message names the variable and says what it takes. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/**
 * Reads a process's configuration from the environment, through one schema. A process's config.ts exports that
 * schema as `environment`, and the function that reads it as `readConfig`.
 *
 * @param schema an object of TypeBox types. The `description` of a property says what the variable takes; a `default`
 *   makes it optional. Numbers and booleans are converted from their text. An empty variable counts as not set.
 * @throws ConfigError naming the first variable that is missing or wrong. Values are never quoted: they may be secret.
 */
export function loadConfig<T extends TObject>(schema: T, env: NodeJS.ProcessEnv): Static<T> {
  const given: Record<string, unknown> = {};
  for (const name of Object.keys(schema.properties)) {
    if (env[name] !== undefined && env[name] !== '') given[name] = env[name];
  }
  const value = Value.Convert(schema, Value.Default(schema, given));
  const problem = Value.Errors(schema, value).First();
  if (problem !== undefined) {
    const name = problem.path.slice(1).split('/')[0] ?? '';
    const property = schema.properties[name];
    const takes = property?.description === undefined ? '' : ` ${name}: ${property.description}.`;
    const state =
      name in given ? `has a value that cannot be used (${problem.message.toLowerCase()})` : 'is not set';
    throw new ConfigError(`${name} ${state}.${takes}`);
  }
  return value as Static<T>;
}

/**
 * Reads the configuration of a process that needs it before anything else. When `read` throws, the process ends with
 * exit code 1 and the error's sentence on standard error, without a stack.
 */
export function configOrExit<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
