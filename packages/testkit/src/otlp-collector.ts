import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A span as a collector gets it. Ids are lower-case hex, times nanoseconds since 1970. */
export type CollectedSpan = {
  service: string;
  traceId: string;
  spanId: string;
  /** Empty for the root of a trace. */
  parentId: string;
  name: string;
  kind: number;
  startedAt: bigint;
  endedAt: bigint;
  attributes: Record<string, string | number>;
  links: { traceId: string; spanId: string }[];
  isFailed: boolean;
};

export type OtlpCollector = {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  url: string;
  spans(): readonly CollectedSpan[];
  /** The bodies of all requests, to search for what must not be in them. */
  bytes(): Buffer;
  /** From now on it takes requests, and answers none. */
  hang(): void;
  stop(): Promise<void>;
};

// By hand: the packages of OpenTelemetry only write this form. https://protobuf.dev/programming-guides/encoding/

type Field = { number: number; value: bigint | Buffer };

function* fieldsOf(message: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = Number(varint());
    const wire = key & 7;
    const number = key >> 3;
    if (wire === 0) yield { number, value: varint() };
    else {
      const length = wire === 1 ? 8 : wire === 5 ? 4 : Number(varint());
      const bytes = message.subarray(at, at + length);
      at += length;
      if (wire === 1) yield { number, value: bytes.readBigUInt64LE() };
      else yield { number, value: wire === 5 ? BigInt(bytes.readUInt32LE()) : bytes };
    }
  }
}

const all = (message: Buffer, number: number): Buffer[] =>
  [...fieldsOf(message)].flatMap((field) =>
    field.number === number && typeof field.value !== 'bigint' ? [field.value] : [],
  );
const one = (message: Buffer, number: number): Buffer => all(message, number)[0] ?? Buffer.alloc(0);
const numberIn = (message: Buffer, number: number): bigint => {
  const found = [...fieldsOf(message)].find((field) => field.number === number)?.value;
  return typeof found === 'bigint' ? found : 0n;
};

/** Strings and integers: the only values that our spans have. */
function attributesOf(pairs: readonly Buffer[]): Record<string, string | number> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [value] = fieldsOf(one(pair, 2));
      const shown = typeof value?.value === 'bigint' ? Number(value.value) : String(value?.value ?? '');
      return [String(one(pair, 1)), shown];
    }),
  );
}

const FAILED = 2n;

// https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
function spansOf(request: Buffer): CollectedSpan[] {
  return all(request, 1).flatMap((resourceSpans) => {
    const resource = attributesOf(all(one(resourceSpans, 1), 1));
    return all(resourceSpans, 2).flatMap((scope) =>
      all(scope, 2).map((span) => ({
        service: String(resource['service.name']),
        traceId: one(span, 1).toString('hex'),
        spanId: one(span, 2).toString('hex'),
        parentId: one(span, 4).toString('hex'),
        name: String(one(span, 5)),
        kind: Number(numberIn(span, 6)),
        startedAt: numberIn(span, 7),
        endedAt: numberIn(span, 8),
        attributes: attributesOf(all(span, 9)),
        links: all(span, 13).map((link) => ({
          traceId: one(link, 1).toString('hex'),
          spanId: one(link, 2).toString('hex'),
        })),
        isFailed: numberIn(one(span, 15), 3) === FAILED,
      })),
    );
  });
}

/** Starts a collector that keeps the spans which it gets by OTLP over HTTP, in protobuf. */
export async function startOtlpCollector(): Promise<OtlpCollector> {
  const spans: CollectedSpan[] = [];
  const bodies: Buffer[] = [];
  let answers = true;
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    if (!answers) return;
    bodies.push(body);
    spans.push(...spansOf(body));
    response.setHeader('content-type', 'application/x-protobuf').end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: () => spans,
    bytes: () => Buffer.concat(bodies),
    hang() {
      answers = false;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
