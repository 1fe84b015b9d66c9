import { defineConfig } from 'vitest/config';

declare module 'vitest' {
  interface ProvidedContext {
    fhirBaseUrl: string;
    fhirToken: string;
  }
}

const {
  FHIR_BASE_URL: fhirBaseUrl = '',
  FHIR_TOKEN: fhirToken = '',
  FHIR_RELEASE: release = 'R5',
} = process.env;
if (!URL.canParse(fhirBaseUrl))
  throw new Error('FHIR_BASE_URL must be the base URL of a FHIR server, such as http://127.0.0.1:8080/fhir');
if (release !== 'R4' && release !== 'R5') throw new Error('FHIR_RELEASE must be R4 or R5');

/** Runs the conformance suite against a server that is already running: docs/fhir.md, "Trying it against another server". */
export default defineConfig({
  test: {
    include: [`packages/emr/src/dialects/fhir-${release.toLowerCase()}/testing/against-server.ts`],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    experimental: { viteModuleRunner: false, nodeLoader: false },
    provide: { fhirBaseUrl, fhirToken },
  },
});
