import { readFileSync } from 'node:fs';

type Node = {
  id: number;
  callFrame: { functionName: string; url: string; lineNumber: number };
  children?: number[];
};
type CpuProfile = { nodes: Node[]; samples: number[]; timeDeltas: number[] };

/** One box: a function as it was called from its parent, with all the time spent in it and below. */
type Frame = { name: string; owner: string; time: number; below: Map<string, Frame> };

const WIDTH = 1200;
const ROW = 16;
/** Narrower boxes say nothing and only make the picture large. */
const MIN_SHARE = 0.002;
const NOT_WORK = new Set(['(idle)', '(program)']);

/** The npm package, our own folder, or `node`. */
function ownerOf(url: string): string {
  const npm = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(url)?.[1];
  if (npm !== undefined) return npm;
  return /\/((?:apps|packages)\/[^/]+)\/src\//.exec(url)?.[1] ?? 'node';
}

function readFrames(profile: CpuProfile): Frame {
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map<number, number>();
  for (const node of profile.nodes) for (const child of node.children ?? []) parents.set(child, node.id);
  const own = new Map<number, number>();
  profile.samples.forEach((id, n) => {
    own.set(id, (own.get(id) ?? 0) + (profile.timeDeltas[n] ?? 0));
  });

  const root: Frame = { name: 'all', owner: 'node', time: 0, below: new Map() };
  for (const [id, time] of own) {
    const path: Node[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const node = byId.get(at);
      if (node !== undefined) path.unshift(node);
    }
    if (NOT_WORK.has(path.at(-1)?.callFrame.functionName ?? '')) continue;
    // The start: loading modules is not what a payment costs.
    if (path.some(({ callFrame }) => callFrame.url.startsWith('node:internal/modules/'))) continue;
    root.time += time;
    let frame = root;
    for (const { callFrame } of path.slice(1)) {
      const owner = ownerOf(callFrame.url);
      const name = callFrame.functionName || '(anonymous)';
      const key = `${owner} ${name}`;
      const below: Frame = frame.below.get(key) ?? { name, owner, time: 0, below: new Map() };
      below.time += time;
      frame.below.set(key, below);
      frame = below;
    }
  }
  return root;
}

/** Ours warm, npm's packages each with a hue of its own, Node grey. */
function colourOf(owner: string): string {
  if (owner === 'node') return '#d5d8dc';
  if (/^(apps|packages)\//.test(owner)) return '#f5a65b';
  const hue = [...owner].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 200, 7) + 100;
  return `hsl(${hue} 45% 75%)`;
}

const escapeXml = (text: string) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** Draws where the time of a process went: each box as wide as its share, what it calls below it. Idle time is left out. */
export function flameGraph(profileFile: string, title: string): string {
  const root = readFrames(JSON.parse(readFileSync(profileFile, 'utf8')) as CpuProfile);
  const boxes: string[] = [];
  let deepest = 0;
  const draw = (frame: Frame, x: number, depth: number): void => {
    const share = frame.time / root.time;
    if (share < MIN_SHARE) return;
    deepest = Math.max(deepest, depth);
    const width = share * WIDTH;
    const label = `${frame.owner === 'node' ? '' : `${frame.owner} `}${frame.name}`;
    const shown = label.slice(0, Math.floor(width / 6.2));
    const at = `x="${x.toFixed(1)}" y="${(depth + 1) * ROW}" width="${width.toFixed(1)}"`;
    boxes.push(
      `<g><title>${escapeXml(label)} ${(share * 100).toFixed(1)} %</title>` +
        `<rect ${at} height="${ROW - 1}" fill="${colourOf(frame.owner)}"/>` +
        (shown.length > 2
          ? `<text x="${(x + 2).toFixed(1)}" y="${(depth + 2) * ROW - 5}">${escapeXml(shown)}</text>`
          : '') +
        '</g>',
    );
    let next = x;
    for (const below of [...frame.below.values()].sort((a, b) => b.time - a.time)) {
      draw(below, next, depth + 1);
      next += (below.time / root.time) * WIDTH;
    }
  };
  draw(root, 0, 0);
  const height = (deepest + 3) * ROW;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="10">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/><text x="2" y="12" font-size="12">${escapeXml(title)}</text>`,
    ...boxes,
    '</svg>\n',
  ].join('\n');
}
