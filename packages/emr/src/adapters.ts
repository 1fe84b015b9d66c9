import { LRUCache } from 'lru-cache';
import type { EmrAdapter, EmrConnection } from './adapter.ts';
import type { AdapterDeps } from './adapter-deps.ts';
import { withCleanTexts } from './clean-adapter.ts';
import { SERVICE_SETTINGS } from './connection/common-settings.ts';
import { fieldsOf, readSettings } from './connection/read-connection.ts';
import type { AdapterDescription } from './description.ts';
import type { Dialect, NoticeReader } from './dialect.ts';
import { athenaPpv, athenaRecord } from './dialects/athena/adapter.ts';
import { candid } from './dialects/candid/adapter.ts';
import { canvas } from './dialects/canvas/adapter.ts';
import { drchrono } from './dialects/drchrono/adapter.ts';
import { fhirR4 } from './dialects/fhir-r4/adapter.ts';
import { fhirR5 } from './dialects/fhir-r5/adapter.ts';
import { nexhealth } from './dialects/nexhealth/adapter.ts';
import { openDental } from './dialects/open-dental/adapter.ts';
import { knownSecrets } from './known-secrets.ts';
import type { EmrLists } from './lists.ts';
import { withListsShown } from './names/show-lists.ts';
import type { NetworkOwner, Networks } from './network.ts';

/** Every dialect, in the order in which they are shown. A new one is added here and nowhere else. */
const DIALECTS: readonly Dialect[] = [
  fhirR5,
  openDental,
  nexhealth,
  fhirR4,
  canvas,
  athenaPpv,
  athenaRecord,
  drchrono,
  candid,
];

/** Former names, which rows that an older process writes may still have. */
const ALIASES: ReadonlyMap<string, string> = new Map([['fhir', 'fhir-r5']]);

/** The credentials and settings of each adapter, for help texts and error sentences. */
export const adapterDescriptions: readonly AdapterDescription[] = DIALECTS.map(({ description }) => ({
  ...description,
  settings: [...description.settings, ...fieldsOf(SERVICE_SETTINGS)],
}));

/** The names that a connection may give. */
export const adapterNames: readonly string[] = adapterDescriptions.map(({ name }) => name);

/** @returns the adapter's present name, for that name and for former ones; null when there is no such adapter. */
export function canonicalAdapterName(name: string): string | null {
  const present = ALIASES.get(name) ?? name;
  return adapterNames.includes(present) ? present : null;
}

/** @throws Error when there is no such adapter. */
function dialectOf(adapter: string): Dialect {
  const name = canonicalAdapterName(adapter);
  const dialect = DIALECTS.find(({ description }) => description.name === name);
  if (dialect === undefined) {
    throw new Error(`there is no adapter '${adapter}'; use one of: ${adapterNames.join(', ')}`);
  }
  return dialect;
}

const isOfService = (name: string): boolean => Object.hasOwn(SERVICE_SETTINGS.properties, name);

/** The settings that a dialect gets. Those of the service are checked here. @throws Error naming one of these that cannot be used. */
function settingsOfDialect(settings: EmrConnection['settings']): EmrConnection['settings'] {
  const entries = Object.entries(settings);
  readSettings(SERVICE_SETTINGS, Object.fromEntries(entries.filter(([name]) => isOfService(name))));
  return Object.fromEntries(entries.filter(([name]) => !isOfService(name)));
}

/** @throws Error when there is no such adapter, or base URL, credentials or settings cannot be used. */
export function openAdapter(connection: EmrConnection, deps: AdapterDeps): EmrAdapter {
  const dialect = dialectOf(connection.adapter);
  const secrets = knownSecrets(connection, deps.tokens);
  const opened = { ...connection, settings: settingsOfDialect(connection.settings) };
  const readId = patientIdReader(connection);
  const isPatientId = (text: string): boolean => {
    const read = readId(text);
    // Another form of an id, such as `Patient/x`, would be sent as it is.
    return read.ok && read.id === text;
  };
  return withCleanTexts(
    { ...dialect.open(opened, { ...deps, tokens: secrets.tokens }), isPatientId },
    secrets,
  );
}

/** @returns the function that reads patient ids for this connection. @throws Error when there is no such adapter. */
export function patientIdReader({ adapter, baseUrl }: Pick<EmrConnection, 'adapter' | 'baseUrl'>) {
  const { readPatientId } = dialectOf(adapter);
  return (text: string) => readPatientId(text, { baseUrl });
}

/** @returns the function that finds rows of a file which contradict this connection. @throws Error when there is no such adapter. */
export function patientRowReader({ adapter, settings }: Pick<EmrConnection, 'adapter' | 'settings'>) {
  const { contradiction } = dialectOf(adapter);
  return (row: { mrn: string; emrPatientId: string }) => contradiction?.(row, { settings }) ?? null;
}

/**
 * @returns the function that reads what the EMR sends to a connection's notice address; null when it can send nothing, or there is
 *   no such adapter.
 */
export function noticeReader({ adapter }: Pick<EmrConnection, 'adapter'>): NoticeReader | null {
  const name = canonicalAdapterName(adapter);
  return DIALECTS.find(({ description }) => description.name === name)?.readNotice ?? null;
}

/** A connection as it is stored: its credentials are sealed. `version` changes whenever the connection does. */
export type StoredConnection = Omit<EmrConnection, 'credentials'> &
  NetworkOwner & {
    credentials: string | null;
    version: string;
  };

export type Adapters = {
  /** @throws Error when the connection cannot be used as it is set up; the message is for the operator, never for a tenant. */
  of(connection: StoredConnection): EmrAdapter;
};

/** Above this number the least recently used adapter is closed; opening it again costs little. */
const MAX_OPEN = 1000;

/** Keeps one open adapter for each connection in use. A connection that was changed is opened again. */
export function createAdapters(
  deps: Omit<AdapterDeps, 'network'> & {
    networks: Pick<Networks, 'of'>;
    /** Opens sealed credentials. */
    credentialsOf(connection: Pick<StoredConnection, 'userId' | 'credentials'>): Record<string, string>;
    /** Says why this installation opens no such connection, such as that of a test client to a live EMR; null when it does. */
    refusal(connection: StoredConnection, credentials: Readonly<Record<string, string>>): string | null;
    /** Called when a connection has been opened, the first time or after a change. */
    onOpen?: (connection: Pick<StoredConnection, 'userId' | 'version'>, adapter: EmrAdapter) => void;
    /** Called with what the EMR lists, when it was read or a name was not in what was known of it. */
    onLists?: (connection: Pick<StoredConnection, 'userId' | 'version'>, lists: EmrLists) => Promise<unknown>;
  },
): Adapters {
  const opened = new LRUCache<number, { version: string; adapter: EmrAdapter }>({ max: MAX_OPEN });
  return {
    of(connection) {
      const known = opened.get(connection.userId);
      if (known?.version === connection.version) return known.adapter;
      const credentials = deps.credentialsOf(connection);
      const refused = deps.refusal(connection, credentials);
      if (refused !== null) throw new Error(refused);
      const network = deps.networks.of(connection);
      const bare = openAdapter({ ...connection, credentials }, { ...deps, network });
      const { onLists } = deps;
      const adapter =
        onLists === undefined ? bare : withListsShown(bare, (lists) => onLists(connection, lists));
      opened.set(connection.userId, { version: connection.version, adapter });
      deps.onOpen?.(connection, adapter);
      return adapter;
    },
  };
}
