import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Dialect } from '../dialect.ts';
import type { Entry, Ledger } from '../ledger.ts';
import { viewPosting } from '../posting-view.ts';
import type { Practice } from '../practice.ts';

/** The page shows this many of the newest postings; its counters include all. */
const SHOWN = 100;
/** Under load one message carries the postings of this time, instead of a thousand messages a second. */
const GATHER_MS = 200;

const ASSETS = [
  ['/', 'index.html', 'text/html; charset=utf-8'],
  ['/page.js', 'page.js', 'text/javascript; charset=utf-8'],
  ['/page.css', 'page.css', 'text/css; charset=utf-8'],
] as const;
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:";

/** Serves the page at `/` and the server-sent events that keep it up to date. */
export async function pageRoutes(
  app: FastifyInstance,
  { ledger, practice, dialects }: { ledger: Ledger; practice: Practice; dialects: readonly Dialect[] },
): Promise<void> {
  const listed = dialects.map(({ title, prefix }) => `${title} at <code>${prefix}</code>`).join(', ');
  for (const [path, file, type] of ASSETS) {
    const text = await readFile(new URL(file, import.meta.url), 'utf8');
    const content = text.replace('{{dialects}}', listed);
    app.get(path, async (_request, reply) =>
      reply
        .headers({ 'content-security-policy': POLICY, 'cache-control': 'no-cache' })
        .type(type)
        .send(content),
    );
  }

  const viewers = new Set<ServerResponse>();
  let cents = 0;
  const count = ({ posting }: Entry) => {
    cents += Math.round(Number(posting.amount) * 100);
  };
  for (const entry of ledger.entries) count(entry);

  let fresh: Entry[] = [];
  let timer: NodeJS.Timeout | undefined;
  const message = (entries: readonly Entry[]) => {
    const postings = entries.slice(-SHOWN).map((entry) => viewPosting({ practice }, entry));
    return `data: ${JSON.stringify({ count: ledger.size(), total: cents / 100, postings })}\n\n`;
  };
  const publish = () => {
    timer = undefined;
    const text = message(fresh);
    fresh = [];
    for (const viewer of viewers) viewer.write(text);
  };
  ledger.onWritten((entry) => {
    count(entry);
    if (viewers.size === 0) return;
    fresh.push(entry);
    timer ??= setTimeout(publish, GATHER_MS);
  });
  app.addHook('preClose', async () => {
    clearTimeout(timer);
    for (const viewer of viewers) viewer.end();
  });

  app.get('/sandbox/stream', (_request, reply) => {
    reply.hijack();
    const viewer = reply.raw;
    viewer.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    viewer.write(`retry: 1000\n${message(ledger.entries)}`);
    viewers.add(viewer);
    viewer.on('close', () => viewers.delete(viewer));
  });
}
