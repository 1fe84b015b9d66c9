import { openCredentials, type ServiceDatabase } from '@emr-payments/db';
import type { Adapters } from '@emr-payments/emr';
import type { SandboxHosts } from '@emr-payments/outbound';
import type { Keyring } from '@emr-payments/runtime';

/** Returns the adapters of all connections. The first call loads the dialects. */
export type AdaptersOf = () => Promise<Adapters>;

export type LateAdapters = {
  adapters: AdaptersOf;
  /** Waits for the renewals of tokens under way. To be called before the database closes. */
  settled(): Promise<void>;
};

const loadDialects = () =>
  Promise.all([import('@emr-payments/emr'), import('@emr-payments/operations/serving')]);
type Dialects = Awaited<ReturnType<typeof loadDialects>>;

/**
 * Opens the adapters at the first request that has a question for an EMR. A process that only accepts payments never loads the dialects
 * and their HTTP client, which take 10 MB (docs/performance-notes.md).
 */
export function openLateAdapters(
  deps: {
    database: ServiceDatabase;
    keyring: Keyring;
    sandboxHosts: SandboxHosts;
    /** Gets a fault of ours that prevented a call to an EMR. */
    onFault: (error: unknown) => void;
  },
  load: () => Promise<Dialects> = loadDialects,
): LateAdapters {
  async function open() {
    const [{ createAdapters }, { clientModeRule, keepLists, openAdapterDeps }] = await load();
    const shared = openAdapterDeps(deps, { yields: true });
    const adapters = createAdapters({
      ...shared,
      credentialsOf: (sealed) => openCredentials(deps.keyring, sealed),
      onLists: keepLists(deps),
      refusal: clientModeRule(deps),
    });
    return { adapters, settled: shared.settled };
  }
  let opening: ReturnType<typeof open> | undefined;
  return {
    adapters: async () => {
      // A process that is out of file descriptors cannot load a module. The next request tries it again.
      opening ??= open().catch((error: unknown) => {
        opening = undefined;
        throw error;
      });
      return (await opening).adapters;
    },
    settled: async () => (await opening?.catch(() => undefined))?.settled(),
  };
}
