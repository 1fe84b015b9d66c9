/**
 * Decides whether a request may leave. It is asked in the same tick in which the bytes of the request are handed to the socket.
 *
 * - true: it leaves now. false: it is torn down, and not a byte of it has left.
 * - A promise: that is not known yet. The request stays where it is, and the gate is asked again when the promise resolves. One that
 *   rejects shuts the gate.
 */
export type SendGate = () => boolean | Promise<unknown>;
