import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8 from placing new objects straight into the old generation ("allocation site pretenuring"). It decides so, by what
 * happened to live at one collection, for the rest of a process's life: under load a third of all API processes had their
 * requests and answers placed there, and needed 1.4 times the processor for as long as they lived (docs/performance.md).
 * Not among the flags that NODE_OPTIONS may hold, so it is set here, before there is anything to decide about.
 */
export function keepNewObjectsYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
