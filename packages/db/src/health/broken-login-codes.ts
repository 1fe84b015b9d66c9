/** Codes of a rejected login: the credential is wrong, or its login has ended and only a new one of a person replaces it. */
export const BROKEN_LOGIN_CODES = ['unauthorized', 'login_required'] as const;

/** True for a trouble by which the EMR rejects the credentials of the connection. */
export function isBrokenLogin({ code }: { code: string }): boolean {
  return (BROKEN_LOGIN_CODES as readonly string[]).includes(code);
}

/** The codes as a list of SQL. */
export const BROKEN_LOGINS = BROKEN_LOGIN_CODES.map((code) => `'${code}'`).join(', ');
