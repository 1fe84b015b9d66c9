import { readFileSync } from 'node:fs';
import { createModuleAt } from './module-at.ts';

type Node = {
  id: number;
  callFrame: { functionName: string; url: string; lineNumber: number };
  children?: number[];
};
type CpuProfile = { nodes: Node[]; samples: number[]; timeDeltas: number[] };

/** A function and its share of the process's busy time in percent, without the functions that it calls. */
export type DearFunction = { name: string; percent: number };

const NOT_WORK = new Set(['(idle)', '(program)']);
/** Module loading is part of the start, not of a payment's cost. */
const LOADING = 'node:internal/modules/';

/** Names where a function comes from: an npm package, our own folder, or `node`. */
function ownerOf(module: string): string {
  const npm = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(module)?.[1];
  if (npm !== undefined) return npm;
  return /\/((?:apps|packages)\/[^/]+)\/src\//.exec(module)?.[1] ?? 'node';
}

/** Finds the nodes of the profile that ran, at any depth, below module loading. */
function loadingNodes({ nodes }: CpuProfile): Set<number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const loading = new Set<number>();
  const mark = (node: Node): void => {
    loading.add(node.id);
    for (const id of node.children ?? []) {
      const child = byId.get(id);
      if (child !== undefined && !loading.has(id)) mark(child);
    }
  };
  for (const node of nodes) if (node.callFrame.url.startsWith(LOADING)) mark(node);
  return loading;
}

/**
 * Reads a V8 CPU profile (`--cpu-prof`) and lists the functions that took the most time themselves. Idle time and module
 * loading do not count. For the whole tree, open the file in speedscope or a browser's developer tools.
 *
 * @returns at most `most` functions, the most expensive first.
 */
export function dearestFunctions(profileFile: string, most = 10): DearFunction[] {
  const profile = JSON.parse(readFileSync(profileFile, 'utf8')) as CpuProfile;
  const loading = loadingNodes(profile);
  const moduleAt = createModuleAt();
  const names = new Map(
    profile.nodes.map(({ id, callFrame: { functionName, ...at } }) => [
      id,
      loading.has(id) || NOT_WORK.has(functionName)
        ? null
        : `${ownerOf(moduleAt(at))} ${functionName || '(anonymous)'}`,
    ]),
  );
  const times = new Map<string, number>();
  let total = 0;
  profile.samples.forEach((id, n) => {
    const name = names.get(id);
    if (name == null) return;
    const time = profile.timeDeltas[n] ?? 0;
    total += time;
    times.set(name, (times.get(name) ?? 0) + time);
  });
  return [...times]
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([name, time]) => ({ name, percent: (100 * time) / total }));
}
