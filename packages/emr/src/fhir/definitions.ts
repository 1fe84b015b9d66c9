import { idShown, sentence, wordIn } from '@emr-payments/contracts';
import type { TSchema } from '@sinclair/typebox';
import type { FhirConnection } from './connection.ts';
import { MOST_CONCEPTS } from './methods.ts';
import { type Failed, requestOf } from './read.ts';
import { readList } from './read-all.ts';
import { type CodeSystem, CodeSystemSchema, type ValueSet, ValueSetSchema } from './terminology-resources.ts';

/** More ValueSets and CodeSystems than any list of payment methods is made of. */
const MOST = 50;

type Found<T> = { ok: true; value: T[]; unusable: string[] } | Failed;

/** The EMR's ValueSets and CodeSystems, each URL read once. */
export type Definitions = {
  valueSets(url: string): Promise<Found<ValueSet>>;
  codeSystems(url: string): Promise<Found<CodeSystem>>;
  /** Counts work on what was read, which may be read many times over; trouble when it is more than a list of methods takes. */
  spend(concepts: number): Failed | null;
  /** Trouble and no empty list: a payment waits for a list that is not there, and does not fail by it. */
  missing(wanted: { type: 'ValueSet' | 'CodeSystem'; canonical: string }): Failed;
};

const pathOf = (type: string, url: string) => `${type}?${new URLSearchParams({ url })}`;

export function openDefinitions(
  connection: FhirConnection,
  { valueSet, signal }: { valueSet: string; signal: AbortSignal },
): Definitions {
  const asked = new Map<string, Promise<unknown>>();
  let spent = 0;
  function tooLarge(path: string): Failed {
    const detail = sentence`The EMR's list of payment methods is made of too many others.`;
    return failed(path, { code: 'answer_too_large', detail });
  }
  function read<T>(type: string, { url, schema }: { url: string; schema: TSchema }): Promise<Found<T>> {
    const path = pathOf(type, url);
    const known = asked.get(path);
    if (known !== undefined) return known as Promise<Found<T>>;
    if (asked.size === MOST) return Promise.resolve(tooLarge(path));
    const reading = readList(connection, { path, schema, signal, named: `${type}s` });
    asked.set(path, reading);
    return reading as Promise<Found<T>>;
  }
  return {
    valueSets: (url) => read('ValueSet', { url, schema: ValueSetSchema }),
    codeSystems: (url) => read('CodeSystem', { url, schema: CodeSystemSchema }),
    spend(concepts) {
      spent += concepts;
      return spent > MOST_CONCEPTS ? tooLarge(pathOf('ValueSet', valueSet)) : null;
    },
    missing({ type, canonical }) {
      const name = sentence`${wordIn(['ValueSet', 'CodeSystem'], type) ?? sentence`list`} ${idShown(canonical) ?? sentence`(without a usable name)`}`;
      const detail = sentence`The EMR has no ${name}, which its payment methods come from.`;
      return failed(pathOf(type, canonical.replace(/\|.*$/s, '')), { code: 'list_not_found', detail });
    },
  };
}

function failed(path: string, trouble: Failed['trouble']): Failed {
  return { ok: false, trouble, refusal: { request: requestOf(path), status: null, words: '' } };
}

type Versioned = Pick<ValueSet, 'url' | 'version' | 'status' | 'date'>;

const RANKS = ['retired', 'draft', 'unknown', undefined, 'active'];

/** Orders by status, then version (`1.10` after `1.9`), then date. */
function byAge(a: Versioned, b: Versioned): number {
  const compare = (one = '', other = '') => one.localeCompare(other, 'en', { numeric: true });
  return (
    RANKS.indexOf(a.status) - RANKS.indexOf(b.status) ||
    compare(a.version, b.version) ||
    compare(a.date, b.date)
  );
}

const versionOf = ({ version }: Versioned) =>
  version === undefined ? 'without a version' : `version ${version}`;

/**
 * Chooses among the resources of one URL: the wanted version, else an active one before others, and of these the latest. The
 * others are named. Those of another URL are left out, because a server may have ignored the search parameter.
 */
export function chooseVersion<T extends Versioned>(
  found: readonly T[],
  { type, url, version }: { type: string; url: string; version: string | undefined },
): { chosen: T | undefined; unusable: string[] } {
  const same = found.filter((each) => each.url === undefined || each.url === url);
  const fitting = version === undefined ? same : same.filter((each) => each.version === version);
  const chosen = fitting.toSorted(byAge).at(-1);
  const others = chosen === undefined || version !== undefined ? [] : same.filter((each) => each !== chosen);
  return {
    chosen,
    unusable: others.map(
      (each) => `${type} ${url} ${versionOf(each)}: the one ${versionOf(chosen as T)} is used`,
    ),
  };
}
