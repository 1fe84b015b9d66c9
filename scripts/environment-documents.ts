import { join } from 'node:path';
import { markdownTable } from './markdown-table.ts';

/** A process that reads its environment through the schema `environment` of its config.ts. */
type Reader = { name: string; config: string };
type Section = { title: string; about: string; readers: readonly Reader[] };

/** Every config.ts of the repository. A variable is documented in the first section in which a process reads it. */
export const SECTIONS: readonly Section[] = [
  {
    title: 'The service',
    about: 'API, worker, the command line `emr-payments` and the migrations (`pnpm migrate`).',
    readers: [
      { name: 'api', config: 'apps/api/src/config.ts' },
      { name: 'worker', config: 'apps/worker/src/config.ts' },
      { name: 'cli', config: 'apps/cli/src/config.ts' },
      { name: 'migrate', config: 'packages/db/src/migrations/config.ts' },
    ],
  },
  {
    title: 'The local stack',
    about:
      '`pnpm dev`. Ports that are not set are 3000, 4010, 4020 and 5433, or the next free one; a port that is set and taken stops the start.',
    readers: [{ name: 'dev', config: 'packages/stack/src/dev/config.ts' }],
  },
  {
    title: 'The demo data of docker-compose.yml',
    about: 'A real installation does not run this process.',
    readers: [{ name: 'seed', config: 'packages/stack/src/seed/config.ts' }],
  },
  {
    title: 'The EMR sandbox',
    about: 'For development.',
    readers: [{ name: 'sandbox', config: 'apps/emr-sandbox/src/config.ts' }],
  },
  {
    title: 'The webhook inbox',
    about: 'For development.',
    readers: [{ name: 'inbox', config: 'apps/webhook-inbox/src/config.ts' }],
  },
  {
    title: 'The tests',
    about: '`pnpm test`.',
    readers: [{ name: 'tests', config: 'packages/testkit/src/config.ts' }],
  },
];

/** The variables that only docker-compose.yml reads. The others in it belong to a process. */
const COMPOSE = {
  title: 'docker-compose.yml',
  default: 'local-only',
  variables: {
    POSTGRES_PASSWORD:
      'the password of `emr_payments`, which owns the demo’s tables: only PostgreSQL and `migrate` get it',
    REDIS_PASSWORD: 'the password of the demo’s Redis',
  },
};

/** The part of a TypeBox property that is documented. */
type Property = { description?: string; default?: unknown; secret?: boolean };
type Environment = { properties: Record<string, Property>; required?: readonly string[] };

type Reading = { reader: string; text: string; default: string | null; needed: boolean; secret: boolean };
type Variable = { name: string; readings: Reading[] };

async function readingsOf(root: string, { name: reader, config }: Reader): Promise<[string, Reading][]> {
  const { environment } = (await import(join(root, config))) as { environment?: Environment };
  if (environment === undefined) throw new Error(`${config} exports no schema named environment`);
  const { properties, required = [] } = environment;
  return Object.entries(properties).map(([name, { description, default: value, secret = false }]) => {
    if (description === undefined) throw new Error(`${name} in ${config} has no description`);
    const needed = required.includes(name) && value === undefined;
    const shown = value === undefined ? null : String(value);
    return [name, { reader, text: description, default: shown, needed, secret }];
  });
}

/** Each section with its variables in the order of the schemas. */
async function variablesBySection(root: string): Promise<{ section: Section; variables: Variable[] }[]> {
  const known = new Map<string, Variable>();
  const result = [];
  for (const section of SECTIONS) {
    const variables: Variable[] = [];
    for (const reader of section.readers) {
      for (const [name, reading] of await readingsOf(root, reader)) {
        const variable = known.get(name) ?? { name, readings: [] };
        if (!known.has(name)) variables.push(variable);
        known.set(name, variable);
        variable.readings.push(reading);
      }
    }
    result.push({ section, variables });
  }
  return result;
}

/** One text for all readers when they agree, otherwise each with its reader's name. */
function perReader(readings: readonly Reading[], of: (reading: Reading) => string): string {
  const texts = new Map<string, string[]>();
  for (const reading of readings) {
    texts.set(of(reading), [...(texts.get(of(reading)) ?? []), reading.reader]);
  }
  if (texts.size === 1) return [...texts.keys()][0] ?? '';
  return [...texts].map(([text, readers]) => `${readers.join(', ')}: ${text}`).join('; ');
}

/** `quote` marks a value as such: in Markdown with backticks. */
function defaultOf({ default: value, needed }: Reading, quote = (text: string) => text): string {
  if (value === null) return needed ? 'required' : 'none';
  return value === '' ? 'empty' : quote(value);
}
const readersOf = ({ readings }: Variable): string => readings.map(({ reader }) => reader).join(', ');
const descriptionOf = ({ readings }: Variable): string =>
  perReader(readings, ({ text }) => text.replace(/\.$/, ''));

const NOTE = 'Written by `pnpm env-example` from the config.ts of each process: change it there.';

function configurationPage(sections: Awaited<ReturnType<typeof variablesBySection>>): string {
  const secrets = sections.flatMap(({ variables }) =>
    variables.flatMap(({ name, readings }) => (readings.some(({ secret }) => secret) ? `\`${name}\`` : [])),
  );
  const tables = sections.map(({ section, variables }) => {
    const rows = variables.map((variable) => [
      `\`${variable.name}\``,
      readersOf(variable),
      perReader(variable.readings, (reading) => defaultOf(reading, (value) => `\`${value}\``)),
      descriptionOf(variable),
    ]);
    return `## ${section.title}\n\n${section.about}\n\n${markdownTable([
      ['variable', 'read by', 'default', 'description'],
      ...rows,
    ])}\n`;
  });
  return `<!-- ${NOTE} -->

# Configuration

Each process reads its environment once, in its \`config.ts\`, and refuses to start with a sentence that names the variable when one is
missing or wrong. An empty variable counts as not set. A variable is listed once, where it is read first; \`read by\` names
every process that reads it.

To run the service you need \`DATABASE_URL\` and \`ENCRYPTION_KEYS\`; everything else has a default. Run
a Redis that \`REDIS_URL\` names with \`noeviction\`. The same list as a file to fill in: [.env.example](../.env.example).

**Secrets from files.** These variables hold secrets: ${secrets.join(', ')}.
Each of them can be given as a file instead: \`NAME_FILE\` is the absolute path of a file that holds the value of \`NAME\`, for example
\`DATABASE_URL_FILE=/run/secrets/database-url\`. The file is read once, when the process starts; a newline at its end does not count, and it may have
64 KiB. It is an error to set both, and to name a file that is missing, empty or not readable, or begins with a byte order mark. A pipe will do, such as that of a shell's \`<(command)\`, if its
writer has begun and ends within five seconds.

${tables.join('\n')}
## ${COMPOSE.title}

\`docker compose\` reads \`API_PORT\`, \`SANDBOX_PORT\`, \`INBOX_PORT\` and \`LOG_LEVEL\` from its own environment or from \`.env\`, with the
meanings above, \`APP_PASSWORD\` with the default \`local-only\`, and variables of its own:

${markdownTable([
  ['variable', 'default', 'description'],
  ...Object.entries(COMPOSE.variables).map(([name, text]) => [`\`${name}\``, `\`${COMPOSE.default}\``, text]),
])}
`;
}

/** Breaks a sentence into comment lines of at most 100 characters. */
function comment(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < 98) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => `# ${line}`).join('\n');
}

function exampleFile(sections: Awaited<ReturnType<typeof variablesBySection>>): string {
  const parts = sections.map(({ section, variables }) => {
    const entries = variables.map((variable) => {
      const text = `Read by ${readersOf(variable)}: ${descriptionOf(variable)}.`;
      const defaults = `default: ${perReader(variable.readings, (reading) => defaultOf(reading))}`;
      const value = variable.readings[0]?.default ?? '';
      return `${comment(text)}\n${comment(defaults)}\n#${variable.name}=${value}\n`;
    });
    return `# ── ${section.title} ──\n\n${entries.join('\n')}`;
  });
  return `# ${NOTE}
# Every variable, commented out with its default. Copy this file to .env and remove the # where you set a value.
# Nothing reads .env by itself except docker compose: node --env-file=.env apps/api/src/main.ts
# A secret can be in a file instead: NAME_FILE is its absolute path (docs/configuration.md).

${parts.join('\n')}
# ── ${COMPOSE.title} ──

${Object.entries(COMPOSE.variables)
  .map(
    ([name, text]) =>
      `${comment(`Read by docker compose: ${text.replaceAll('`', '')}.`)}\n# default: ${COMPOSE.default}\n#${name}=${COMPOSE.default}\n`,
  )
  .join('\n')}`;
}

/**
 * The files that describe the environment, by path.
 *
 * @throws Error when a config.ts exports no schema named `environment`, or a variable has no description.
 */
export async function environmentDocuments(root: string): Promise<Record<string, string>> {
  const sections = await variablesBySection(root);
  return { '.env.example': exampleFile(sections), 'docs/configuration.md': configurationPage(sections) };
}
