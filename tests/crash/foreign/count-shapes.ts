import type { ShapeCount } from '../records.ts';
import { ALL_SHAPES } from './draw.ts';
import { openLedger } from './ledger.ts';

/** Counts the answers of the foreign EMR by their shape. Every shape of a random run is in the result, with 0 if need be. */
export function countShapes(ledgerFile: string): ShapeCount[] {
  const { answers } = openLedger(ledgerFile);
  return Object.entries(ALL_SHAPES).flatMap(([kind, shapes]) =>
    shapes.map((shape) => ({
      kind,
      shape,
      count: answers.filter((answer) => answer.kind === kind && answer.shape === shape).length,
    })),
  );
}
