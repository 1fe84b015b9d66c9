import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SandboxProcess, startSandbox } from '@emr-payments/testkit';
import { vi } from 'vitest';
import type { AdapterDeps } from '../adapter-deps.ts';
import type { Dialect } from '../dialect.ts';
import { localAdapterDeps } from '../local-deps.ts';
import type { Posting } from '../posting.ts';
import type { WireAnswer } from './break-server.ts';
import type { NeutralEntry, UnderTest } from './under-test.ts';

/** The secret that the sandbox demands, each dialect in its own way. */
export const SANDBOX_SECRET = 'sesame';
/** Postings dated before this day are refused by the sandbox. */
const BOOKS_CLOSED_BEFORE = '2020-01-01';

/** A ledger entry of the sandbox, as far as the suite reads it. */
type LedgerEntry = {
  seq: number;
  emr_transaction_id: string;
  payment_id: string | null;
  patient_id: string;
  amount: number;
  payment_method: string | null;
  reference_number: string | null;
  location: string | null;
  notes: string | null;
  deposit_date: string | null;
};

const neutral = (entry: LedgerEntry): NeutralEntry => ({
  id: entry.emr_transaction_id,
  paymentId: entry.payment_id,
  patientId: entry.patient_id,
  amount: entry.amount.toFixed(2),
  method: entry.payment_method,
  location: entry.location,
  referenceNumber: entry.reference_number,
  notes: entry.notes,
  depositDate: entry.deposit_date,
});

/** The id of a sandbox's patient (`pat-1001` and so on) in dialects with whole numbers, which count its patients from 1. */
export const patientNumber = (patientId: string): string =>
  String(Number(patientId.replace('pat-', '')) - 1000);

/** Changes the JSON in the body of an answer: `T` is what the vendor writes there. */
export const changeJson =
  <T>(change: (body: T) => unknown) =>
  (answer: WireAnswer): WireAnswer => ({ ...answer, body: JSON.stringify(change(JSON.parse(answer.body))) });

const plainKey = (posting: Pick<Posting, 'paymentId'>) => posting.paymentId;
const keylessKey = ({ emrPatientId, amount }: Pick<Posting, 'emrPatientId' | 'amount'>) =>
  `${emrPatientId} ${amount}`;

/** Reads the sandbox's ledger, each entry once: a run of the suite makes thousands. */
function ledgerReader(
  baseUrlOf: () => string,
  { keyless, toNeutral }: Pick<SandboxInput, 'keyless' | 'toNeutral'>,
): (posting: Posting) => Promise<readonly NeutralEntry[]> {
  const byKey = new Map<string | null, NeutralEntry[]>();
  let lastSeq = 0;
  return async (posting) => {
    const answer = await fetch(`${baseUrlOf()}/sandbox/ledger?since=${lastSeq}`);
    const { entries } = (await answer.json()) as { entries: LedgerEntry[] };
    for (const entry of entries) {
      if (entry.seq <= lastSeq) continue;
      lastSeq = entry.seq;
      const shown = toNeutral?.(neutral(entry)) ?? neutral(entry);
      const key = keyless
        ? keylessKey({ emrPatientId: shown.patientId, amount: shown.amount })
        : shown.paymentId;
      byKey.set(key, [...(byKey.get(key) ?? []), shown]);
    }
    return byKey.get(keyless ? keylessKey(posting) : plainKey(posting)) ?? [];
  };
}

/** One dialect of the sandbox and its adapter: everything of `UnderTest` that does not follow from these. */
export type SandboxInput = Omit<UnderTest, 'baseUrl' | 'open' | 'entries' | 'addDuplicate' | 'prepare'> & {
  dialect: Dialect;
  /** The path of the base URL, such as `/open-dental/api/v1`. */
  path: string;
  settings: Readonly<Record<string, string | number | boolean>>;
  /** Settings with which a second send of the same payment makes a second entry; null when the adapter never can. */
  unprotected: Readonly<Record<string, string | number | boolean>> | null;
  /** True: the adapter needs an access token, which `prepare` gets. */
  needsToken: boolean;
  /**
   * Makes the good credentials a login of its own for each store of tokens (`place` counts them), where a vendor's refresh ends the
   * pair before it: two stores with one login would end each other's.
   */
  ownLogin?(credentials: Readonly<Record<string, string>>, place: number): Readonly<Record<string, string>>;
  /** Environment variables of the sandbox besides its secret. */
  env?: Readonly<Record<string, string>>;
  /**
   * Makes the entry in our words of what the ledger shows. The ledger has patients by the sandbox's own ids, and texts as the
   * dialect keeps them, with a marker in the notes for example.
   */
  toNeutral?(entry: NeutralEntry): NeutralEntry;
};

/** The adapter on a sandbox process of its own. `start` and `stop` are for the hooks of the test file. */
export function sandboxUnderTest(
  input: SandboxInput,
): UnderTest & { start(): Promise<void>; stop(): Promise<void>; sandbox(): SandboxProcess } {
  const { dialect, path, settings, unprotected, needsToken, env, ownLogin, toNeutral: _, ...fixed } = input;
  const places = new WeakMap<AdapterDeps, number>();
  let stores = 0;
  function loginFor(deps: AdapterDeps, credentials: Readonly<Record<string, string>>) {
    if (ownLogin === undefined) return credentials;
    const place = places.get(deps) ?? stores;
    if (!places.has(deps)) stores += 1;
    places.set(deps, place);
    return ownLogin(credentials, place);
  }
  let folder = '';
  let sandbox: SandboxProcess | undefined;
  const running = (): SandboxProcess => {
    if (sandbox === undefined) throw new Error('the sandbox has not been started');
    return sandbox;
  };
  const given = (without: readonly string[]) =>
    Object.entries(settings).filter(([name]) => !without.includes(name));
  const openWith = (
    {
      baseUrl,
      credentials,
      deps,
    }: { baseUrl: string; credentials: Readonly<Record<string, string>>; deps: AdapterDeps },
    more: object,
    without: readonly string[] = [],
  ) =>
    dialect.open(
      {
        userId: 1,
        adapter: dialect.description.name,
        baseUrl,
        credentials: loginFor(deps, credentials),
        settings: { ...Object.fromEntries(given(without)), ...more },
        timeZone: 'America/New_York',
      },
      deps,
    );
  const entries = ledgerReader(() => running().baseUrl, input);
  const signal = () => AbortSignal.timeout(60_000);

  return Object.defineProperties(
    {
      ...fixed,
      baseUrl: '',
      sandbox: running,
      async start() {
        folder = await mkdtemp(join(tmpdir(), 'emr-conformance-'));
        sandbox = await startSandbox({
          ledgerFile: join(folder, 'ledger.jsonl'),
          env: { SANDBOX_TOKEN: SANDBOX_SECRET, BOOKS_CLOSED_BEFORE, ...env },
        });
      },
      async stop() {
        await sandbox?.stop();
        await rm(folder, { recursive: true, force: true });
      },
      open: ({ without = [], ...opened }: Parameters<UnderTest['open']>[0]) =>
        openWith(opened, { timeout_ms: opened.timeoutMs }, without),
      entries,
      async addDuplicate(posting: Posting) {
        if (unprotected === null) throw new Error('a second send makes no second entry here');
        const deps = localAdapterDeps();
        const credentials = fixed.credentials.good;
        const adapter = openWith({ baseUrl: `${running().baseUrl}${path}`, credentials, deps }, unprotected);
        const before = (await entries(posting)).length;
        const result = await adapter.post(posting, { signal: signal(), mayStillSend: () => true });
        if (result.outcome !== 'posted' && result.outcome !== 'accepted')
          throw new Error(JSON.stringify(result));
        await vi.waitFor(
          async () => {
            if ((await entries(posting)).length === before) throw new Error('there is no second entry yet');
          },
          { timeout: 20_000 },
        );
      },
      ...(needsToken
        ? {
            async prepare({ baseUrl, deps }: { baseUrl: string; deps: AdapterDeps }) {
              const opened = () => openWith({ baseUrl, credentials: fixed.credentials.good, deps }, {});
              // Before every rule: a look-up for one patient is the shortest call that needs a token.
              if (fixed.patients !== undefined) {
                const [{ mrn }] = fixed.patients.nobody;
                const found = await opened().findPatient?.({ mrn }, { signal: signal() });
                if (found?.outcome === 'none') return;
              }
              if ((await opened().check({ signal: signal() })).ok) return;
              // The rule before lost the answer to a refresh, and with it the login: a person logs in again.
              places.delete(deps);
              const again = await opened().check({ signal: signal() });
              if (!again.ok) throw new Error(again.reason);
            },
          }
        : {}),
    },
    { baseUrl: { enumerable: true, get: () => `${running().baseUrl}${path}` } },
  );
}
