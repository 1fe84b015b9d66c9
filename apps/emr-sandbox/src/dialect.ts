import type { Logger } from '@emr-payments/runtime';
import type { FastifyInstance } from 'fastify';
import type { Capabilities } from './capabilities.ts';
import type { Credentials } from './credentials.ts';
import type { Ledger } from './ledger.ts';
import type { Applications } from './oauth/applications.ts';
import type { Pace } from './pace.ts';
import type { Practice } from './practice.ts';
import type { PracticeChanges } from './practice-changes.ts';

export type DialectDeps = {
  ledger: Ledger;
  practice: Practice;
  capabilities: Capabilities;
  /** For a dialect whose API can change records of the practice. */
  changes: PracticeChanges;
  /**
   * The secret that callers must prove to know, each dialect in its own way: a bearer token, half of an API key, the
   * client secret of a token endpoint. It can change at any time, so no dialect keeps it.
   */
  credentials: Credentials;
  /** The OAuth applications, for a dialect with an authorization endpoint. */
  applications: Applications;
  /** Limits of requests and delays: the vendor's, or none. */
  pace: Pace;
  logger: Logger;
  /**
   * Adds routes below `/sandbox/<name of the dialect>`, for what a person at the practice or at the vendor can do and no call of
   * the vendor's API can. They need no credentials.
   */
  addControl(routes: (control: FastifyInstance) => Promise<void>): void;
};

/** One request under a dialect's prefix. `path` begins behind the prefix and has no query; `body` is parsed. */
export type DialectRequest = { method: string; path: string; body: unknown };

export type RequestTarget = {
  /** The word that a fault's `match.resource` is compared with. */
  resource: string | undefined;
  /** True for a request that may make a posting. Faults "after commit" strike only these, so never a token request. */
  creates: boolean;
};

/** A scripted error that the dialect puts into its own words. `status` is the status that the script names. */
export type ScriptedError = { status: number; text: string } & (
  | { reason: 'error' | 'unauthorized' }
  | { reason: 'throttled'; retryAfterSeconds: number | undefined }
);

/** A whole answer. The dialect may choose another status than the script: some APIs report errors with 200. */
export type ScriptedAnswer = { status: number; headers: Readonly<Record<string, string>>; body: string };

/** One EMR's API over the practice and ledger that all dialects share. */
export type Dialect = {
  /** Its name in ledger files, such as `fhir-r5`; renaming it makes their documents unreadable. */
  name: string;
  /** Its name on the page, such as `FHIR R5`. */
  title: string;
  /** All its paths begin with it, such as `/fhir`. In `register` it is `scope.prefix`. */
  prefix: string;
  /** Other prefixes at which it is served too, each with a state of its own. */
  alsoAt?: readonly string[];
  /**
   * Sets up everything of the dialect in a Fastify scope of its own under the prefix: body parsers, error answers, the
   * check of credentials (as an `onRequest` hook, so that it comes before any fault) and the routes, a token endpoint
   * among them where the vendor has one. State of the dialect, such as issued tokens, lives in this call.
   */
  register(scope: FastifyInstance, deps: DialectDeps): Promise<void>;
  targetOf(request: DialectRequest): RequestTarget;
  answerError(error: ScriptedError): ScriptedAnswer;
};
