/** The credential is wrong, or its login has ended and only a new one of a person replaces it. */
const BROKEN_LOGINS: readonly string[] = ['unauthorized', 'login_required'];

/**
 * True for a trouble that the practice's login at the EMR causes. Only a person can remove it, and it says nothing about a payment:
 * neither the retry horizon nor the time that an EMR has to confirm what it accepted ends a payment that waits for it.
 */
export function isBrokenLogin({ code }: { code: string }): boolean {
  return BROKEN_LOGINS.includes(code);
}
