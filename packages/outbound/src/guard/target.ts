import { type CheckedUrl, checkUrl, type UrlCheck } from './check-url.ts';
import type { AddressPolicy } from './policy.ts';

/** Where a URL that has passed `checkUrl` leads, as Node's client takes it. */
export type Target = Readonly<{ secure: boolean; hostname: string; port: number; path: string }>;

export type TargetCheck = { ok: true; target: Target } | Exclude<UrlCheck, { ok: true }>;

/** Most targets that are remembered for a policy: some 5 MB if every URL had its 2,048 characters. */
const MOST = 1_000;

const known = new WeakMap<AddressPolicy, Map<string, TargetCheck>>();

function targetFor({ url, hostname, port }: CheckedUrl): Target {
  return { secure: url.protocol === 'https:', hostname, port, path: url.pathname + url.search };
}

/**
 * Checks a URL before a send, as `checkUrl` does. The result depends on the text and the policy alone, and a policy does not
 * change while a process runs: it is remembered, because checking costs more than signing. What a name resolves to is checked
 * for each connection (`guardedLookup`), and never remembered.
 */
export function targetOf(text: string, policy: AddressPolicy): TargetCheck {
  let targets = known.get(policy);
  if (targets === undefined) {
    targets = new Map();
    known.set(policy, targets);
  }
  const found = targets.get(text);
  if (found !== undefined) return found;
  const checked = checkUrl(text, policy);
  const result: TargetCheck = checked.ok ? { ok: true, target: targetFor(checked) } : checked;
  const [oldest] = targets.keys();
  if (targets.size >= MOST && oldest !== undefined) targets.delete(oldest);
  targets.set(text, result);
  return result;
}
