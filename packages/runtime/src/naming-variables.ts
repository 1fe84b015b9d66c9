import { ConfigError } from './config.ts';

/**
 * Calls `listen` for the server of a process. Where the operating system refuses the address, it says which variable to change:
 * the error of the system names none.
 *
 * @param at the address in the variable HOST, and the port in the variable `portVariable`.
 * @throws ConfigError when the port is taken or reserved, or the address is not this machine's; the error of `listen` otherwise.
 */
export async function namingVariables<T>(
  at: { host: string; port: number; portVariable: 'PORT' | 'HEALTH_PORT' },
  listen: (at: { host: string; port: number }) => Promise<T>,
): Promise<T> {
  const { host, port } = at;
  try {
    return await listen({ host, port });
  } catch (cause) {
    const sentence = sentenceFor((cause as NodeJS.ErrnoException).code, at);
    throw sentence === null ? cause : new ConfigError(sentence, { cause });
  }
}

function sentenceFor(
  code: string | undefined,
  { host, port, portVariable }: { host: string; port: number; portVariable: string },
): string | null {
  switch (code) {
    case 'EADDRINUSE':
      return `${portVariable} is ${port}, where another process listens already (on ${host}). End that process, or set another port.`;
    case 'EACCES':
      return `${portVariable} is ${port}, which the account of this process may not use. Set a port above 1023.`;
    case 'EADDRNOTAVAIL':
    case 'EAI_AGAIN':
    case 'EINVAL':
    case 'ENOTFOUND':
      return `HOST is '${host}', which is not an address of this machine (${code}). Set one that it has, or 0.0.0.0 for all of them.`;
    default:
      return null;
  }
}
