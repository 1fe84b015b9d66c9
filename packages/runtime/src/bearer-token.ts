import { createHash, timingSafeEqual } from 'node:crypto';

const digest = (text: string) => createHash('sha256').update(text).digest();

/** Makes the check of an `Authorization` header against one token. It takes the same time whatever was sent. */
export function bearerTokenCheck(token: string): (authorization: string | undefined) => boolean {
  const expected = digest(`bearer ${token}`);
  return (authorization = '') => {
    const [scheme = '', ...rest] = authorization.split(' ');
    return timingSafeEqual(digest(`${scheme.toLowerCase()} ${rest.join(' ')}`), expected);
  };
}
