import { randomInt } from 'node:crypto';
import getPort from 'get-port';
import { workerNumber } from './config.ts';

/**
 * Below the ports that systems give to outgoing connections (from 32768 on Linux): a server that is killed and started again would at
 * times find a connection on its port, even that of a client which tries to reach it. And below those of `freePort` of packages/stack.
 */
const FIRST = 10_000;

/** Processes that run test files at the same time have ports of their own: a port is chosen a second before a server listens on it. */
const PER_WORKER = 500;
const WORKERS = 16;

const TRIED = 50;

/** Finds a port of 127.0.0.1 on which nothing listens. It does not return the same port to one process twice within 15 s. */
export function freePort(): Promise<number> {
  const from = FIRST + (workerNumber() % WORKERS) * PER_WORKER;
  const port = Array.from({ length: TRIED }, () => randomInt(from, from + PER_WORKER));
  return getPort({ host: '127.0.0.1', port });
}
