import type { Client, ClientConfig } from 'pg';

/**
 * Makes classes of connections that refuse a second text under the name of a statement, also when the first text ran on another connection. PostgreSQL keeps a
 * prepared statement by its name: a second text would fail on those connections alone that have prepared the first, and so now and
 * then, on a busy server, and never in a test.
 */
export function oneTextClients(): (base: typeof Client) => typeof Client {
  const texts = new Map<string, string>();

  function check(asked: unknown): void {
    const { name, text } = (asked ?? {}) as { name?: string; text?: string };
    if (name === undefined || text === undefined) return;
    const known = texts.get(name);
    if (known === undefined) texts.set(name, text);
    else if (known !== text)
      throw new Error(`two statements have the name ${name}: give one of them another`);
  }

  return (base) =>
    class extends base {
      constructor(config?: string | ClientConfig) {
        super(config);
        const query = this.query.bind(this) as (...asked: unknown[]) => unknown;
        this.query = ((...asked: unknown[]) => {
          check(asked[0]);
          return query(...asked);
        }) as Client['query'];
      }
    };
}
