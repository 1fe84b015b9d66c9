import { join } from 'node:path';
import type { Command } from './commands.ts';
import { COMMON_JS, compileTypeScript } from './npm-targets.ts';
import type { Target, Work } from './target.ts';

// Generators and languages that not every machine has. What they need is installed in the folder of tools, and nowhere else.

const VERSIONS = {
  openapiPythonClient: '0.29.1',
  datamodelCodeGenerator: '0.89.0',
  httpx: '0.28.1',
  mypy: '2.4.1',
  pydantic: '2.14.4',
  oapiCodegen: 'v2.8.2',
  tokio: '1.54.1',
};

const venv = ({ tools }: Work, name: string): Command => ['python3', '-m', 'venv', join(tools, name)];
const inVenv = ({ tools }: Work, name: string, program: string) => join(tools, name, 'bin', program);

const JAR = process.env.OPENAPI_GENERATOR_JAR;
const GENERATOR: Command = JAR === undefined ? ['openapi-generator-cli'] : ['java', '-jar', JAR];
const GET_GENERATOR =
  'OpenAPI Generator 7.25: openapi-generator-cli on the PATH, or its jar (org.openapitools:openapi-generator-cli) in OPENAPI_GENERATOR_JAR';

/** Models and requests only: no tests of the client, no documentation. */
function openapiGenerator(
  language: string,
  { document }: Work,
  options: { into: string; set?: string },
): Command {
  const set = options.set === undefined ? [] : ['--additional-properties', options.set];
  const without = 'apiTests=false,modelTests=false,apiDocs=false,modelDocs=false';
  return [
    ...GENERATOR,
    'generate',
    '-g',
    language,
    '-i',
    document,
    '-o',
    options.into,
    '--global-property',
    without,
    ...set,
  ];
}

const GO_MOD = 'module example.com/story\n\ngo 1.22\n';

export const FOREIGN_TARGETS: readonly Target[] = [
  {
    name: 'openapi-python-client',
    operator: true,
    needs: ['python3'],
    get: 'Python 3.10 or later',
    build: (work) => ({
      story: ['openapi_python_client.py', 'story.py'],
      generate: [
        venv(work, 'opc'),
        [
          inVenv(work, 'opc', 'pip'),
          'install',
          '-q',
          `openapi-python-client==${VERSIONS.openapiPythonClient}`,
          `httpx==${VERSIONS.httpx}`,
          `mypy==${VERSIONS.mypy}`,
        ],
        [
          inVenv(work, 'opc', 'openapi-python-client'),
          'generate',
          '--path',
          work.document,
          '--output-path',
          'payments',
          '--meta',
          'none',
        ],
      ],
      compile: [[inVenv(work, 'opc', 'mypy'), '--ignore-missing-imports', 'payments']],
      start: [inVenv(work, 'opc', 'python'), 'story.py'],
    }),
  },
  {
    name: 'datamodel-code-generator',
    needs: ['python3'],
    get: 'Python 3.10 or later',
    build: (work) => ({
      story: ['datamodel_code_generator.py', 'story.py'],
      generate: [
        venv(work, 'dmcg'),
        [
          inVenv(work, 'dmcg', 'pip'),
          'install',
          '-q',
          `datamodel-code-generator==${VERSIONS.datamodelCodeGenerator}`,
          `pydantic==${VERSIONS.pydantic}`,
        ],
        [
          inVenv(work, 'dmcg', 'datamodel-codegen'),
          ...['--input', work.document, '--input-file-type', 'openapi', '--output', 'payments.py'],
          ...['--output-model-type', 'pydantic_v2.BaseModel', '--formatters', 'builtin'],
        ],
      ],
      compile: [[inVenv(work, 'dmcg', 'python'), '-c', 'import payments']],
      start: [inVenv(work, 'dmcg', 'python'), 'story.py'],
    }),
  },
  {
    name: 'oapi-codegen (Go)',
    operator: true,
    needs: ['go'],
    get: 'Go 1.24 or later',
    build: ({ document }) => ({
      story: ['oapi-codegen.go', 'main.go'],
      files: {
        'go.mod': GO_MOD,
        'payments/config.yaml':
          'package: payments\ngenerate:\n  models: true\n  client: true\noutput: payments/payments.go\noutput-options:\n  skip-prune: true\n',
      },
      generate: [
        [
          'go',
          'run',
          `github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@${VERSIONS.oapiCodegen}`,
          '-config',
          'payments/config.yaml',
          document,
        ],
      ],
      compile: [
        ['go', 'mod', 'tidy'],
        ['go', 'vet', './...'],
        ['go', 'build', '-o', 'story', '.'],
      ],
      start: ['./story'],
    }),
  },
  {
    name: 'openapi-generator, go',
    needs: [GENERATOR[0], 'go'],
    get: `${GET_GENERATOR}; Go 1.22 or later`,
    build: (work) => ({
      story: ['openapi-generator.go', 'main.go'],
      files: { 'go.mod': GO_MOD },
      generate: [
        openapiGenerator('go', work, {
          into: 'payments',
          set: 'packageName=payments,withGoMod=false',
        }),
      ],
      compile: [
        ['go', 'mod', 'tidy'],
        ['go', 'vet', './...'],
        ['go', 'build', '-o', 'story', '.'],
      ],
      start: ['./story'],
    }),
  },
  {
    name: 'openapi-generator, java',
    needs: [GENERATOR[0], 'mvn'],
    get: `${GET_GENERATOR}; a JDK and Maven`,
    build: (work) => ({
      story: ['Story.java', 'src/main/java/Story.java'],
      generate: [openapiGenerator('java', work, { into: '.' })],
      compile: [['mvn', '-q', '-B', 'compile', 'dependency:build-classpath', '-Dmdep.outputFile=classpath']],
      start: ['sh', '-c', 'exec java -cp "target/classes:$(cat classpath)" Story'],
    }),
  },
  {
    name: 'openapi-generator, kotlin',
    needs: [GENERATOR[0], 'mvn'],
    get: `${GET_GENERATOR}; a JDK and Maven`,
    build: (work) => ({
      story: ['Story.kt', 'src/main/kotlin/Story.kt'],
      files: { 'pom.xml': 'kotlin-pom.xml' },
      generate: [openapiGenerator('kotlin', work, { into: '.' })],
      compile: [['mvn', '-q', '-B', 'compile', 'dependency:build-classpath', '-Dmdep.outputFile=classpath']],
      start: ['sh', '-c', 'exec java -cp "target/classes:$(cat classpath)" StoryKt'],
    }),
  },
  {
    name: 'openapi-generator, python',
    needs: [GENERATOR[0], 'python3'],
    get: `${GET_GENERATOR}; Python 3.10 or later`,
    build: (work) => ({
      story: ['openapi-generator.py', 'story.py'],
      generate: [openapiGenerator('python', work, { into: '.' })],
      compile: [
        venv(work, 'ogp'),
        [inVenv(work, 'ogp', 'pip'), 'install', '-q', '-r', 'requirements.txt'],
        [inVenv(work, 'ogp', 'python'), '-c', 'import openapi_client.api, openapi_client.models'],
      ],
      start: [inVenv(work, 'ogp', 'python'), 'story.py'],
    }),
  },
  {
    name: 'openapi-generator, rust',
    needs: [GENERATOR[0], 'cargo'],
    get: `${GET_GENERATOR}; Rust`,
    build: (work) => ({
      story: ['story.rs', 'examples/story.rs'],
      generate: [openapiGenerator('rust', work, { into: '.' })],
      compile: [
        ['cargo', 'add', '-q', '--dev', `tokio@${VERSIONS.tokio}`, '--features', 'macros,rt-multi-thread'],
        ['cargo', 'build', '-q', '--example', 'story'],
      ],
      start: ['target/debug/examples/story'],
    }),
  },
  {
    name: 'openapi-generator, typescript-fetch',
    needs: [GENERATOR[0]],
    get: GET_GENERATOR,
    build: (work) => ({
      story: ['typescript-fetch.ts', 'story.ts'],
      files: COMMON_JS,
      generate: [openapiGenerator('typescript-fetch', work, { into: 'client' })],
      compile: [compileTypeScript('story.ts')],
      start: ['node', 'out/story.js'],
    }),
  },
];
