import type { JobsOptions, Queue, WorkerOptions } from 'bullmq';
import type { Logger } from './logger.ts';
import type { Bundle } from './queue-bundles.ts';
import type { TakenBundle } from './queue-takers.ts';
import type { QueueTrouble } from './queue-trouble.ts';
import type { queueUntilReady } from './queue-until-ready.ts';

/** One queue for each kind of job. */
export const QUEUE_NAMES = ['post-payment', 'deliver-webhook', 'sync-connection'] as const;
export type QueueName = (typeof QUEUE_NAMES)[number];

export type NewBundle = { name: string; data: Bundle; opts: JobsOptions };
export type BundleQueue = Pick<
  Queue<Bundle>,
  'addBulk' | 'add' | 'getRanges' | 'getJob' | 'getWaitingCount' | 'close' | 'waitUntilReady'
>;
export type LazyQueue = ReturnType<typeof queueUntilReady<BundleQueue>>;
type BundleWorker = { close(): Promise<void> };
type Processor = (job: TakenBundle) => Promise<void>;
type ConsumerOptions = Omit<WorkerOptions, 'connection'>;

/** Remembers outside of PostgreSQL which marks were seen committed there. */
export type Marks = {
  /** @returns the highest mark of the installation; null when none is known. */
  read(installation: string): Promise<number | null>;
  /** Raises the mark; a lower one changes nothing. */
  raise(installation: string, mark: number): Promise<void>;
};

/** The part of the transport that differs between Redis and PostgreSQL. */
export type Backend = {
  name: 'redis' | 'postgres';
  queue(name: QueueName): LazyQueue;
  /** The timestamp of the BullMQ job that has waited longest; null when none waits, 0 when it is unknown because they pass too fast. */
  oldest(name: QueueName, queue: LazyQueue): Promise<number | null>;
  /** How many bundles wait; from 100 on the number may be too low. */
  waiting(name: QueueName, queue: LazyQueue): Promise<number>;
  worker(name: QueueName, processor: Processor, options: ConsumerOptions): BundleWorker;
  /** Takes the error of an entry that could not be added; the caller throws it as well. */
  onError(name: QueueName): (error: Error) => void;
  groups: readonly (readonly [QueueName, ...QueueName[]])[];
  ping(queue?: QueueName): Promise<void>;
  trouble(): Promise<QueueTrouble | null>;
  /** null where the queue is in PostgreSQL, which would lose the marks together with the commits. */
  marks: Marks | null;
  close(): Promise<unknown>;
};

/** At debug level: BullMQ emits an error for every broken connection. The relay's warning and /health/ready report it once. */
export const errorsOf = (logger: Logger) => (queue: QueueName) => (err: Error) =>
  logger.debug({ err, queue }, 'queue error');
