import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { viewPractice } from '../control/practice-routes.ts';
import type { Dialect } from '../dialect.ts';
import type { Entry, Ledger } from '../ledger.ts';
import { viewPosting } from '../posting-view.ts';
import type { Practice } from '../practice.ts';
import type { PracticeChanges } from '../practice-changes.ts';

/** The page shows this many of the newest postings; its counters include all. */
const SHOWN = 100;
/** And this many of the last changes of the practice. */
const CHANGES_SHOWN = 10;
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
  {
    ledger,
    practice,
    changes,
    dialects,
  }: { ledger: Ledger; practice: Practice; changes: PracticeChanges; dialects: readonly Dialect[] },
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
    const { patients, changes: all } = viewPractice({ practice, changes });
    const happened = all.slice(0, CHANGES_SHOWN);
    const shown = { count: ledger.size(), total: cents / 100, patients, changes: happened, postings };
    return `data: ${JSON.stringify(shown)}\n\n`;
  };
  const publish = () => {
    timer = undefined;
    const text = message(fresh);
    fresh = [];
    for (const viewer of viewers) viewer.write(text);
  };
  const publishSoon = () => {
    timer ??= setTimeout(publish, GATHER_MS);
  };
  ledger.onWritten((entry) => {
    count(entry);
    if (viewers.size === 0) return;
    fresh.push(entry);
    publishSoon();
  });
  changes.onChange(() => {
    if (viewers.size > 0) publishSoon();
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
