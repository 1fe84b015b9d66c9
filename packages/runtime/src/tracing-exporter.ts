import { X509Certificate } from 'node:crypto';
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { createSecureContext } from 'node:tls';
import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { ConfigError, readNamedFile } from './config.ts';

const SHARED = {
  HEADERS: Type.String({
    secret: true,
    maxLength: 8192,
    description: "headers for the collector, such as a vendor's key: name=value,name=value, percent-encoded",
  }),
  TIMEOUT: Type.Integer({
    minimum: 1,
    maximum: 600_000,
    description: 'milliseconds that one request to the collector may take; 10000 by default',
  }),
  COMPRESSION: Type.Union([Type.Literal('gzip'), Type.Literal('none')], {
    description: 'gzip or none, for what is sent to the collector; none by default',
  }),
  CERTIFICATE: Type.String({
    maxLength: 4096,
    description: "a file with the certificates that may have signed the collector's, as PEM",
  }),
  CLIENT_CERTIFICATE: Type.String({
    maxLength: 4096,
    description: 'a file with the certificate that the collector gets from us, as PEM',
  }),
  CLIENT_KEY: Type.String({
    maxLength: 4096,
    description: 'a file with the key of that certificate, as PEM',
  }),
};

const ofTraces = <T extends TSchema>(schema: T): T => ({
  ...schema,
  description: 'the same for traces alone; it wins over the one without TRACES',
});

/** The variables of the exporter, besides the collector's address. */
export const exporterVariables = {
  OTEL_EXPORTER_OTLP_HEADERS: Type.Optional(SHARED.HEADERS),
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: Type.Optional(ofTraces(SHARED.HEADERS)),
  OTEL_EXPORTER_OTLP_TIMEOUT: Type.Optional(SHARED.TIMEOUT),
  OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: Type.Optional(ofTraces(SHARED.TIMEOUT)),
  OTEL_EXPORTER_OTLP_COMPRESSION: Type.Optional(SHARED.COMPRESSION),
  OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: Type.Optional(ofTraces(SHARED.COMPRESSION)),
  OTEL_EXPORTER_OTLP_CERTIFICATE: Type.Optional(SHARED.CERTIFICATE),
  OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: Type.Optional(ofTraces(SHARED.CERTIFICATE)),
  OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: Type.Optional(SHARED.CLIENT_CERTIFICATE),
  OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE: Type.Optional(ofTraces(SHARED.CLIENT_CERTIFICATE)),
  OTEL_EXPORTER_OTLP_CLIENT_KEY: Type.Optional(SHARED.CLIENT_KEY),
  OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: Type.Optional(ofTraces(SHARED.CLIENT_KEY)),
};

const schema = Type.Object(exporterVariables);

/** Bytes of the longest file of certificates: the usual file of all authorities has 0.3 MB. */
const MOST_BYTES = 1024 * 1024;

/**
 * Checks the variables that the exporter reads by itself: it ignores what is wrong in them.
 *
 * @returns the headers, which may also come from a file, so the exporter gets them from us.
 * @throws ConfigError for headers that cannot be sent, and for files that are no certificates or do not fit together.
 */
export function readExporter(env: Static<typeof schema>): { headers: Record<string, string> } {
  checkTls(env);
  return {
    headers: {
      ...headersOf('OTEL_EXPORTER_OTLP_HEADERS', env.OTEL_EXPORTER_OTLP_HEADERS),
      ...headersOf('OTEL_EXPORTER_OTLP_TRACES_HEADERS', env.OTEL_EXPORTER_OTLP_TRACES_HEADERS),
    },
  };
}

/**
 * Reads `name=value,name=value` with percent-encoded values, as OpenTelemetry writes headers and attributes.
 *
 * @throws ConfigError that names the variable, and quotes nothing of it.
 */
export function readPairs(variable: string, text: string | undefined): Record<string, string> {
  const pairs: [string, string][] = [];
  for (const pair of (text ?? '').split(',').filter((part) => part.trim() !== '')) {
    const at = pair.indexOf('=');
    try {
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)].map((part) =>
        decodeURIComponent(part.trim()),
      );
      if (at < 0 || !name || !value) throw new Error('there is no name, or no value');
      pairs.push([name, value]);
    } catch (cause) {
      const form = 'name=value,name=value, with a comma or a percent sign in a value as %2C and %25';
      throw new ConfigError(`${variable} cannot be read. It takes ${form}.`, { cause });
    }
  }
  return Object.fromEntries(pairs);
}

function headersOf(variable: string, text: string | undefined): Record<string, string> {
  const headers = readPairs(variable, text);
  for (const [name, value] of Object.entries(headers)) {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch {
      throw new ConfigError(
        `${variable} has a header that HTTP does not allow. Check its name and its value.`,
      );
    }
  }
  return headers;
}

function checkTls(env: Static<typeof schema>): void {
  const read = (name: 'CERTIFICATE' | 'CLIENT_CERTIFICATE' | 'CLIENT_KEY') => {
    const [ofAll, own] = [`OTEL_EXPORTER_OTLP_${name}`, `OTEL_EXPORTER_OTLP_TRACES_${name}`] as const;
    const variable = env[own] === undefined ? ofAll : own;
    const path = env[variable];
    if (path === undefined) return null;
    const file = `${variable} names the file ${path}`;
    return { file, content: readNamedFile(file, path, MOST_BYTES) };
  };
  const [ca, cert, key] = [read('CERTIFICATE'), read('CLIENT_CERTIFICATE'), read('CLIENT_KEY')];
  for (const given of [ca, cert]) if (given !== null) refuseNoCertificate(given);
  if (cert === null && key === null) return;
  if (cert === null || key === null) {
    const names = 'OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY';
    throw new ConfigError(`Only one of ${names} is set. Give both, or none.`);
  }
  try {
    createSecureContext({ cert: cert.content, key: key.content });
  } catch (cause) {
    const advice = 'It must be an unencrypted key as PEM, of the certificate that is given with it';
    throw new ConfigError(`${key.file}, which cannot be used. ${advice}.`, { cause });
  }
}

function refuseNoCertificate({ file, content }: { file: string; content: Buffer }): void {
  try {
    new X509Certificate(content);
  } catch (cause) {
    throw new ConfigError(`${file}, which begins with no certificate as PEM. Is it the right one?`, {
      cause,
    });
  }
}
