/** `warn`: it works, but somebody should look at it. */
export type Finding = { state: 'ok' | 'warn' | 'failed'; found: string };

/** A finding under the name of its check, such as `migrations`. */
export type Check = Finding & { check: string };
