export type SeenRequest = {
  method: string;
  path: string;
  /** Without its question mark; empty when there is none. */
  query: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
};

/** An answer on its way to the adapter. */
export type WireAnswer = { status: number; headers: Readonly<Record<string, string>>; body: string };

/**
 * A server that can be broken on the wire, one method per fault. A fault strikes every request until `mend`. With
 * the faults "before" a request does not reach the EMR; with the others the EMR carries it out, and the answer suffers.
 */
export type BreakServer = {
  /** The base URL for the adapter. */
  baseUrl: string;
  /** Base URLs at which no request can arrive: a port without a listener, an unknown host, TLS to a plain server. */
  unreachable: { refused: string; unknownHost: string; noTls: string };
  /** Every request that has arrived, oldest first. */
  seen: readonly SeenRequest[];
  /** Resets each connection as soon as it is open. */
  resetOnConnect(): void;
  resetBefore(): void;
  hangBefore(): void;
  statusBefore(status: number, headers?: Readonly<Record<string, string>>): void;
  /** This answer in place of the EMR's. */
  answerBefore(answer: WireAnswer): void;
  /** 200 with a log-in page. */
  htmlBefore(): void;
  /** 200 without a body and without headers that name an entry. */
  emptyBefore(): void;
  resetAfter(): void;
  hangAfter(): void;
  statusAfter(status: number): void;
  htmlAfter(): void;
  emptyAfter(): void;
  /** The full length is announced, half of the body arrives, and the connection is cut. */
  halfAnswer(): void;
  /** The right body, called text/plain. */
  wrongContentType(): void;
  /** Changes every answer of the EMR. */
  changeAnswers(change: (answer: WireAnswer) => WireAnswer): void;
  /** Ends the fault, and every request that hangs. */
  mend(): void;
  close(): Promise<void>;
};
