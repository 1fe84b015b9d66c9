import { dirname, join, relative, sep } from 'node:path';

/** One import, with absolute paths. */
export type Import = { from: string; to: string };

/** Files and folders in one folder that depend on each other in a circle, and the imports between them. */
export type Circle = { folder: string; names: string[]; imports: Import[] };

/** Lists the folders from `home`, included, down to the one that contains the file. */
function foldersAbove(home: string, file: string): string[] {
  const parts = relative(home, dirname(file)).split(sep).filter(Boolean);
  return [home, ...parts.map((_part, n) => join(home, ...parts.slice(0, n + 1)))];
}

const nameIn = (folder: string, path: string): string => relative(folder, path).split(sep)[0] ?? '';

/** Finds the groups of names that reach each other, by Tarjan's algorithm. A name that reaches only itself forms no group. */
function strongGroups(arrows: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const number = new Map<string, number>();
  const lowest = new Map<string, number>();
  const path: string[] = [];
  const groups: string[][] = [];

  function visit(name: string): number {
    const own = number.size;
    number.set(name, own);
    lowest.set(name, own);
    path.push(name);
    for (const next of arrows.get(name) ?? []) {
      const reached = number.has(next)
        ? path.includes(next)
          ? (number.get(next) ?? own)
          : own
        : visit(next);
      lowest.set(name, Math.min(lowest.get(name) ?? own, reached));
    }
    if (lowest.get(name) === own) {
      const group = path.splice(path.indexOf(name));
      if (group.length > 1) groups.push(group.sort());
    }
    return lowest.get(name) ?? own;
  }

  for (const name of arrows.keys()) if (!number.has(name)) visit(name);
  return groups;
}

/**
 * Finds circles of imports. At every folder level, the imports between its entries, files and folders alike, must form an
 * acyclic graph, so that a reader can go through each level from top to bottom.
 *
 * @param home the folder of one workspace. Imports that leave it are ignored.
 */
export function findCircles(home: string, imports: readonly Import[]): Circle[] {
  const byFolder = new Map<string, Import[]>();
  for (const each of imports) {
    for (const folder of foldersAbove(home, each.from)) {
      if (!each.to.startsWith(folder + sep) || nameIn(folder, each.from) === nameIn(folder, each.to))
        continue;
      byFolder.set(folder, [...(byFolder.get(folder) ?? []), each]);
    }
  }
  return [...byFolder].flatMap(([folder, inside]) => {
    const arrows = new Map<string, Set<string>>();
    for (const { from, to } of inside) {
      const name = nameIn(folder, from);
      arrows.set(name, (arrows.get(name) ?? new Set()).add(nameIn(folder, to)));
    }
    return strongGroups(arrows).map((names) => ({
      folder,
      names,
      imports: inside.filter(
        ({ from, to }) => names.includes(nameIn(folder, from)) && names.includes(nameIn(folder, to)),
      ),
    }));
  });
}
