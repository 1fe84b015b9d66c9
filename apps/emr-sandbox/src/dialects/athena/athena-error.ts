/**
 * A refusal as athenahealth gives it: "Error messages will have an "error" and, sometimes, a "detailedmessage". Some calls may even return
 * additional information (such as missing fields)" (https://docs.athenahealth.com/api/resources/api-error-message-reference).
 */
export class AthenaError extends Error {
  override name = 'AthenaError';
  readonly status: number;
  readonly detailedMessage: string | undefined;

  constructor(status: number, error: string, detailedMessage?: string) {
    super(error);
    this.status = status;
    this.detailedMessage = detailedMessage;
  }

  /** The answer's body. */
  toJson(): object {
    return {
      error: this.message,
      ...(this.detailedMessage === undefined ? {} : { detailedmessage: this.detailedMessage }),
    };
  }
}

/** Fields that a call needs and that are not there. Recorded answers have exactly this text. */
export class MissingFieldsError extends AthenaError {
  override name = 'MissingFieldsError';
  readonly fields: readonly string[];

  constructor(fields: readonly string[]) {
    super(400, 'Additional fields are required.');
    this.fields = fields;
  }

  override toJson(): object {
    return { missingfields: this.fields, error: this.message };
  }
}

/**
 * An error of the gateway in front of athenaNet: "They generally have no JSONed content, where responses from the backend will have
 * JSON explanations" (the same page).
 */
export class GatewayError extends Error {
  override name = 'GatewayError';
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, text: string, retryAfterSeconds?: number) {
    super(text);
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** The answer's body. */
  toHtml(): string {
    return `<h1>${this.message}</h1>`;
  }
}

/** The bearer token is missing, expired or not one of ours (https://docs.athenahealth.com/api/guides/best-practices). */
export const developerInactive = (): GatewayError => new GatewayError(401, 'Developer Inactive');
