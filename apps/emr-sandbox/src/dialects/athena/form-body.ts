import type { FastifyInstance } from 'fastify';
import { AthenaError } from './athena-error.ts';

/** A form's fields by name. One that is empty is not there. */
export type Form = Readonly<Record<string, string>>;

const FORM = 'application/x-www-form-urlencoded';

function parseForm(text: string): Form {
  const fields = [...new URLSearchParams(text)];
  const names = fields.map(([name]) => name);
  const repeated = names.find((name, place) => names.indexOf(name) !== place);
  // The vendor's stack takes one of the values; which one is not documented.
  if (repeated !== undefined) throw new AthenaError(400, 'A field is given twice.', repeated);
  return Object.fromEntries(fields.filter(([, value]) => value !== ''));
}

/**
 * Takes form bodies and no others: every POST of the vendor's API has `Content-Type: application/x-www-form-urlencoded`, with
 * JSON text in fields that have parts.
 */
export function takeFormsOnly(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser(FORM, { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, parseForm(String(body)));
    } catch (error) {
      done(error as Error);
    }
  });
  scope.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume();
    done(new AthenaError(415, 'The content type is not supported.', `Use ${FORM}.`));
  });
}

/** The form of a request; empty when it has no body. */
export const formOf = ({ body }: { body: unknown }): Form => (body ?? {}) as Form;
