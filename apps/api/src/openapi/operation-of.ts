import { type ErrorCode, HEADERS } from '@emr-payments/contracts';
import { type TSchema, Type } from '@sinclair/typebox';
import { componentRef, OPTIONAL_BODY } from './component-ref.ts';
import { BODY_ERRORS, errorResponses, KEY_ERRORS, KeyedHeadersSchema } from './error-responses.ts';

export type OperationInput<Tag extends string, R extends TSchema> = {
  operationId: string;
  tag: Tag;
  summary: string;
  description: string;
  /** Schema of its answer; a registered component. */
  reply: R;
  /** It takes an Idempotency-Key. */
  keyed?: boolean;
  /** It takes a body; `optional` when the body may be left out. */
  body?: boolean | 'optional';
  /** Errors of its own. */
  errors?: readonly ErrorCode[];
};

/** The parts of a description that all operations of one kind of caller share. */
export type CallerManners = {
  security: Record<string, string[]>[];
  /** Errors that any of its requests can get. */
  always: readonly ErrorCode[];
  answerHeaders: object;
  /** Present for an operation that takes an Idempotency-Key. */
  keyedAnswerHeaders: object;
};

/** Describes an operation for an OpenAPI document, with the schemas that serialize its answers. */
export function operationOf<Tag extends string, R extends TSchema>(
  input: OperationInput<Tag, R>,
  caller: CallerManners,
) {
  const { keyed = false, body = false, reply } = input;
  return {
    operationId: input.operationId,
    tags: [input.tag],
    summary: input.summary,
    description: input.description,
    ...(body === 'optional' ? { [OPTIONAL_BODY]: true } : {}),
    security: caller.security,
    headers: keyed ? KeyedHeadersSchema : Type.Pick(KeyedHeadersSchema, [HEADERS.requestId]),
    response: {
      200: {
        ...componentRef(reply),
        description: reply.description ?? input.summary,
        headers: keyed ? caller.keyedAnswerHeaders : caller.answerHeaders,
      },
      ...errorResponses([
        ...new Set([
          ...(body === false ? [] : BODY_ERRORS),
          ...(keyed ? KEY_ERRORS : []),
          ...(input.errors ?? []),
          ...caller.always,
        ]),
      ]),
    },
  };
}
