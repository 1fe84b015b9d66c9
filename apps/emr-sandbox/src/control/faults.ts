import { type Static, Type } from '@sinclair/typebox';
import type { RequestTarget } from '../dialect.ts';

/** Faults that come instead of the request: nothing is carried out. */
const INSTEAD = [
  'status',
  'unauthorized',
  'too_many_requests',
  'html',
  'gateway',
  'empty',
  'reset',
  'hang',
] as const;
/** Faults whose request is answered at once with 202 and carried out later, or never. */
const LATER = ['accept_later'] as const;
/** Faults that spoil the answer of a request that was carried out. */
const CARRIED_OUT = [
  'commit_then_hang',
  'commit_then_reset',
  'commit_then_500',
  'commit_then_html',
  'commit_then_gateway',
  'commit_then_empty',
  'half_answer',
  'wrong_content_type',
] as const;
const KINDS = ['latency', ...INSTEAD, ...LATER, ...CARRIED_OUT] as const;
export type FaultKind = (typeof KINDS)[number];

export function isCarriedOut(kind: FaultKind): boolean {
  return (CARRIED_OUT as readonly FaultKind[]).includes(kind);
}

export const FaultSchema = Type.Object(
  {
    kind: Type.Unsafe<FaultKind>({ type: 'string', enum: [...KINDS] }),
    /** The requests that it strikes. `path` is a prefix such as `/fhir/Patient`; `resource` is a word of the dialect. */
    match: Type.Optional(
      Type.Object(
        {
          method: Type.Optional(Type.String()),
          path: Type.Optional(Type.String()),
          resource: Type.Optional(Type.String()),
        },
        { additionalProperties: false },
      ),
    ),
    /** Strikes only this many of the next matching requests. */
    count: Type.Optional(Type.Integer({ minimum: 1 })),
    /** Strikes only this share of the matching requests, drawn with `seed`. */
    share: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1 })),
    seed: Type.Optional(Type.Integer()),
    latency_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: 600_000 })),
    status: Type.Optional(Type.Integer({ minimum: 300, maximum: 599 })),
    /** With `accept_later`: the request is carried out this long after its answer. Without it, it never is. */
    entry_after_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400_000 })),
    retry_after_seconds: Type.Optional(Type.Integer({ minimum: 0 })),
  },
  { additionalProperties: false },
);
export type Fault = Static<typeof FaultSchema>;
/** `hits` counts the requests that it has struck. */
export type ScriptedFault = Fault & { id: number; hits: number };

export type StruckRequest = { method: string; path: string } & RequestTarget;

export type FaultBook = {
  script(fault: Fault): ScriptedFault;
  list(): ScriptedFault[];
  /** Removes one fault, or all without an id. */
  remove(id?: number): void;
  /** Decides what happens to a request: waiting times add up, and of all other faults the first one strikes. */
  strike(request: StruckRequest): { latencyMs: number; fault: ScriptedFault | null };
};

/** mulberry32: a small seeded generator, good enough to draw the same share of requests each time. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function matches({ kind, match = {} }: Fault, { method, path, resource, creates }: StruckRequest): boolean {
  // Faults of the kinds "after commit" and "later" apply only to creates, unless the script names a method.
  if (match.method === undefined) {
    if ((kind.startsWith('commit_') || kind === 'accept_later') && !creates) return false;
  } else if (match.method.toUpperCase() !== method) return false;
  if (match.path !== undefined && !path.startsWith(match.path)) return false;
  return match.resource === undefined || match.resource === resource;
}

/** Keeps the faults that callers have scripted. */
export function createFaultBook(): FaultBook {
  const book = new Map<number, { fault: ScriptedFault; random: () => number }>();
  let lastId = 0;

  return {
    script(fault) {
      const scripted = { ...fault, id: ++lastId, hits: 0 };
      book.set(scripted.id, { fault: scripted, random: randomFrom(fault.seed ?? 1) });
      return scripted;
    },
    list: () => [...book.values()].map(({ fault }) => fault),
    remove(id) {
      if (id === undefined) book.clear();
      else book.delete(id);
    },
    strike(request) {
      let latencyMs = 0;
      let struck: ScriptedFault | null = null;
      for (const { fault, random } of book.values()) {
        if (fault.kind !== 'latency' && struck !== null) continue;
        if (fault.count !== undefined && fault.hits >= fault.count) continue;
        if (!matches(fault, request)) continue;
        if (fault.share !== undefined && random() >= fault.share) continue;
        fault.hits += 1;
        latencyMs += fault.latency_ms ?? 0;
        if (fault.kind !== 'latency') struck = fault;
      }
      return { latencyMs, fault: struck };
    },
  };
}
