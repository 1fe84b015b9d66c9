import type { Logger } from './logger.ts';

/** Logs what Redis answers in place of a result. */
export type RedisReporter = {
  /** @param queue the one that could not be used, where it is known. */
  report(error: unknown, queue?: string): void;
};

/** Time for which the same code is not logged again: an outage is one line, not one for each connection and attempt. */
const QUIET_MS = 5 * 60_000;

type Advice = { reason: string; passes?: true };

/** What each code means here and what to do. A code that passes by itself, as a failover does, is a warning. */
const ADVICE: Readonly<Record<string, Advice>> = {
  NOAUTH: { reason: 'it wants a password: put user and password into REDIS_URL' },
  WRONGPASS: { reason: 'it does not know this user and password: correct REDIS_URL' },
  NOPERM: { reason: 'the user may not do what the queue needs: docs/redis.md has the rights' },
  MOVED: { reason: 'this node does not own the keys: name the nodes of a Cluster as redis+cluster://' },
  CROSSSLOT: { reason: 'a command touched two slots of a Cluster: report this as a fault of ours' },
  CLUSTERDOWN: {
    reason: 'the Cluster has no master for the keys: see that a replica is promoted',
    passes: true,
  },
  READONLY: {
    reason: 'the address leads to a replica: promote it, or name the sentinels in REDIS_URL',
    passes: true,
  },
  UNBLOCKED: { reason: 'it has become a replica: a new connection looks for the master', passes: true },
  MASTERDOWN: { reason: 'the replica has lost its master: see that another is promoted', passes: true },
  NOREPLICAS: { reason: 'too few replicas follow for min-replicas-to-write: bring them back', passes: true },
  LOADING: { reason: 'it reads its data after a start', passes: true },
  BUSY: { reason: 'it is busy with a script', passes: true },
  OOM: { reason: 'maxmemory is reached: give it more, and look what else fills it' },
  MISCONF: { reason: 'it cannot save, and takes no writes: look at its disk' },
};
const UNREACHABLE: Advice = { reason: 'see that it runs and that REDIS_URL is right', passes: true };
const UNKNOWN: Advice = { reason: 'the code is the beginning of its answer; level debug has the stack' };

/** A connection that was closed, or a command that nothing answered: neither has a code. */
const NO_ANSWER = 'no_answer';
/** Codes of sockets, names and certificates. */
const OF_NETWORK = /^(E(?!RR$)[A-Z]|UNABLE_|CERT_|DEPTH_|SELF_)/;

/** What Redis 7.0 answers in place of a NOPERM when a command of a script is forbidden; it does not say which. */
const IN_SCRIPT = /can't run this command or subcommand/;

/** An error of Redis inside of another: of a script, of the redirections in a Cluster, of a sentinel. */
const INNER = /(?:Last error: (?:ReplyError: )?|-)([A-Z]{3,20}) /;

/**
 * The first word of an error of Redis (https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors), or the code of
 * the network. Undefined when the error is of neither.
 */
export function redisCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, lastNodeError } = error as Error & { code?: unknown; lastNodeError?: unknown };
  // A Cluster of which no node can be used keeps the error of the last one.
  if (lastNodeError instanceof Error) return redisCodeOf(lastNodeError);
  if (IN_SCRIPT.test(error.message)) return 'NOPERM';
  const inner = INNER.exec(error.message)?.[1];
  if (error.name === 'ReplyError') {
    const word = /^[A-Z]{3,20}(?= )/.exec(error.message)?.[0];
    return word === undefined || word === 'ERR' ? (inner ?? word) : word;
  }
  return typeof code === 'string' ? code : inner;
}

/** The command that a NOPERM is about, and nothing else of its text, which names the user and perhaps a key. */
const forbidden = (message: string): string | undefined =>
  IN_SCRIPT.test(message)
    ? 'a command of a script'
    : /run the ('[a-z0-9|_-]{1,40}') command/i.exec(message)?.[1];

/** A server that answers with ever new words does not make the process remember them all. */
const MOST_CODES = 100;

/** Logs each code once in five minutes, with what to do; `count` is how often it came since its last line. */
export function createRedisReporter(
  { logger }: { logger: Logger },
  { clock = () => performance.now() }: { clock?: () => number } = {},
): RedisReporter {
  const seen = new Map<string, { at: number; since: number }>();
  return {
    report(err, queue) {
      const of = queue === undefined ? {} : { queue };
      logger.debug({ err, backend: 'redis', ...of }, 'queue connection error');
      const code = redisCodeOf(err) ?? (queue === undefined ? undefined : NO_ANSWER);
      if (code === undefined) return;
      const command = code === 'NOPERM' && err instanceof Error ? forbidden(err.message) : undefined;
      const key = `${code} ${command ?? ''}`;
      const last = seen.get(key);
      if (last !== undefined && clock() - last.at < QUIET_MS) {
        last.since += 1;
        return;
      }
      if (seen.size >= MOST_CODES) seen.clear();
      seen.set(key, { at: clock(), since: 0 });
      const advice = ADVICE[code] ?? (code === NO_ANSWER || OF_NETWORK.test(code) ? UNREACHABLE : UNKNOWN);
      const reason = command === undefined ? advice.reason : `${advice.reason}; it may not run ${command}`;
      const fields = {
        code,
        backend: 'redis',
        ...of,
        reason,
        ...(last === undefined ? {} : { count: last.since + 1 }),
      };
      if (advice.passes) logger.warn(fields, 'Redis cannot be used');
      else logger.error(fields, 'Redis cannot be used');
    },
  };
}
