import type { Agent } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * Makes a bound on the idle connections of agents, over all their hosts: Node bounds them for each host only, and there may be thousands.
 * Beyond it, the connection that has been idle longest is closed, so a host that is in use keeps its own. They are counted as they come and
 * go, because counting them in `freeSockets` costs as much as a third of a request when there are 256.
 *
 * @param input.most how many are kept over all agents that the bound is put on; at least 1.
 * @returns puts the bound on an agent, and returns that agent.
 */
export function boundIdle({ most }: { most: number }): <A extends Agent>(agent: A) => A {
  /** The one that has been idle longest is first. */
  const idle = new Set<Duplex>();
  const watched = new WeakSet<Duplex>();

  function makeRoom(): void {
    const [longest] = idle;
    if (idle.size < most || longest === undefined) return;
    idle.delete(longest);
    longest.destroy();
  }

  return (agent) => {
    // Node's returns false when the far end asks for the end of the connection; its type does not say so.
    const keep: (socket: Duplex) => unknown = agent.keepSocketAlive.bind(agent);
    const reuse = agent.reuseSocket.bind(agent);
    agent.keepSocketAlive = (socket) => {
      if (!keep(socket)) return false;
      makeRoom();
      if (!watched.has(socket)) {
        watched.add(socket);
        socket.once('close', () => idle.delete(socket));
      }
      idle.add(socket);
      return true;
    };
    agent.reuseSocket = (socket, request) => {
      idle.delete(socket);
      reuse(socket, request);
    };
    return agent;
  };
}
