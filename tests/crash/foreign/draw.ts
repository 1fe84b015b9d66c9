import { createHash } from 'node:crypto';
import { type Random, randomFrom } from '../random.ts';
import { CREATE_SHAPES, type CreateShapeName } from './create-shapes.ts';
import { ID_FORM_COUNT } from './ids.ts';
import type { AnswerKind } from './ledger.ts';
import { READ_SHAPES, type ReadShapeName, SEARCH_SHAPES, type SearchShapeName } from './search-shapes.ts';

/** The answer that is due: the `nth` of its kind about the payment with this reference, counted from 0. */
export type Due = { reference: string; nth: number };

/** How one create is carried out and answered. Ids and the index matter where it writes an entry. */
export type CreateChoice = {
  shape: CreateShapeName;
  idForm: number;
  /** How much later than the write a search finds the entry. */
  indexMs: number;
  /** How many searches for it find nothing first. */
  hiddenSearches: number;
  /** Before anything is written or answered. */
  held?: Promise<void>;
};

/** Chooses how the EMR answers. */
export type Chooser = {
  create(due: Due): CreateChoice;
  search(due: Due): SearchShapeName;
  read(due: Due): ReadShapeName;
};

/** Longest time by which the index of the foreign EMR is late, after the time that a later write takes. */
export const LATEST_INDEX_MS = 1_000;
export const LATER_WRITE_MS = 1_000;

/** Shares of the answers that are as a careful server gives them, so that a payment gets somewhere. */
const PLAIN = { create: 0.4, search: 0.45, read: 0.6 };

const names = <T extends string>(shapes: Readonly<Record<T, unknown>>) =>
  Object.keys(shapes) as unknown as readonly [T, ...T[]];

/**
 * Draws the answers by lot. The seed, the payment's reference and the number of the answer decide, and nothing else: the order
 * in which requests arrive does not matter, so a run is repeated with its seed as far as the service repeats its requests.
 */
export function drawBySeed(seed: number): Chooser {
  const randomOf = (kind: AnswerKind, { reference, nth }: Due): Random =>
    randomFrom(createHash('sha256').update(`${seed} ${kind} ${reference} ${nth}`).digest().readUInt32BE());
  return {
    create(due) {
      const random = randomOf('create', due);
      const plain = random.next() < PLAIN.create;
      return {
        shape: plain ? 'Location, absolute with _history' : random.pick(names(CREATE_SHAPES)),
        idForm: random.between(0, ID_FORM_COUNT - 1),
        // Half of the entries are in the index at once.
        indexMs: Math.max(0, random.between(-LATEST_INDEX_MS, LATEST_INDEX_MS)),
        hiddenSearches: 0,
      };
    },
    search(due) {
      const random = randomOf('search', due);
      return random.next() < PLAIN.search ? 'an honest Bundle' : random.pick(names(SEARCH_SHAPES));
    },
    read(due) {
      const random = randomOf('read', due);
      return random.next() < PLAIN.read ? 'the entry' : random.pick(names(READ_SHAPES));
    },
  };
}

/** The names of all shapes of a random run, to name those that were never answered. */
export const ALL_SHAPES: Readonly<Record<AnswerKind, readonly string[]>> = {
  create: names(CREATE_SHAPES),
  search: names(SEARCH_SHAPES),
  read: names(READ_SHAPES),
};
