import { dirname, join, relative, sep } from 'node:path';

/** One import: both paths absolute. */
export type Import = { from: string; to: string };

/** Siblings of one folder, files and folders, that need each other; `imports` are those that tie them. */
export type Circle = { folder: string; names: string[]; imports: Import[] };

/** The folders from `home` down to the one that holds the file, `home` included. */
function foldersAbove(home: string, file: string): string[] {
  const parts = relative(home, dirname(file)).split(sep).filter(Boolean);
  return [home, ...parts.map((_part, n) => join(home, ...parts.slice(0, n + 1)))];
}

const nameIn = (folder: string, path: string): string => relative(folder, path).split(sep)[0] ?? '';

/** Groups of names that reach each other, by Tarjan's algorithm; a name that reaches only itself is not in a group. */
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
 * Finds what has no order to be read in. At every folder level the entries, files and folders alike, must form a graph
 * without circles: then each level has floors, and no import runs from a lower floor to a higher one.
 *
 * @param home the folder of one workspace. Imports that leave it are not looked at.
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
