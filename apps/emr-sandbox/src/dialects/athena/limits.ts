import { type CallLimit, createCallLimit, type Pace } from '../../pace.ts';
import { GatewayError } from './athena-error.ts';

const DAY_MS = 86_400_000;
/** Agreed for each app: the vendor names no number. */
export const DAILY_CALLS = 50_000;
/** For each app in production (https://docs.athenahealth.com/api/guides/authentication-and-url-locations). */
const TOKEN_CALLS = 50;
/** As `config/athena-sdk.php` of chrisreedio/laravel-athena-sdk has it for production. The vendor names no number. */
export const CALLS_PER_SECOND = 150;

/** `remaining` is what the answer's header says. */
export type Allowance = { limit: number; remaining: number };

export type Limits = {
  /** Counts one token request. @throws GatewayError above the limit. */
  token(clientId: string): Allowance;
  /** Counts one call of the API. @throws GatewayError above a limit. */
  call(clientId: string): Allowance;
};

const seconds = (waitMs: number) => Math.max(1, Math.ceil(waitMs / 1000));

/** "If you exceed this limit, your application will be blocked (429 response)" (the page above). */
function counted(limit: CallLimit, clientId: string): void {
  const waitMs = limit.take(clientId);
  if (waitMs > 0) throw new GatewayError(429, 'Developer Over Rate', seconds(waitMs));
}

/**
 * The limits of one app over all practices: token requests a minute, calls a second, and a day's quota that "resets at midnight
 * GMT" (https://docs.athenahealth.com/api/guides/best-practices).
 */
export function createLimits({ pace, now = Date.now }: { pace: Pace; now?: () => number }): Limits {
  const clock = { pace, now };
  const tokens = createCallLimit(clock, [{ calls: TOKEN_CALLS, perMs: 60_000 }]);
  const perSecond = createCallLimit(clock, [{ calls: CALLS_PER_SECOND, perMs: 1000 }]);
  const today = new Map<string, { day: number; calls: number }>();
  const minute = new Map<string, number[]>();

  return {
    token(clientId) {
      counted(tokens, clientId);
      const recent = [...(minute.get(clientId) ?? []).filter((time) => time > now() - 60_000), now()];
      minute.set(clientId, recent);
      return { limit: TOKEN_CALLS, remaining: Math.max(0, TOKEN_CALLS - recent.length) };
    },
    call(clientId) {
      counted(perSecond, clientId);
      const day = Math.floor(now() / DAY_MS);
      const known = today.get(clientId);
      const calls = known?.day === day ? known.calls + 1 : 1;
      if (calls > DAILY_CALLS && pace.current.limits === 'vendor') {
        throw new GatewayError(429, 'Developer Over Quota', seconds((day + 1) * DAY_MS - now()));
      }
      today.set(clientId, { day, calls });
      return { limit: DAILY_CALLS, remaining: Math.max(0, DAILY_CALLS - calls) };
    },
  };
}
