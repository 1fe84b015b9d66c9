import { Agent, request } from 'node:http';
import { PUBLISHED_BODY } from '@emr-payments/stack';

/** How a request ended: the status of its answer, or the error of its connection. */
export type Sent = { reference: string; end: string };

export type SteadyLoad = {
  /** Sends one more payment now. */
  post(reference: string): Promise<Sent>;
  /** Ends the load, and resolves with everything that was sent when all of it is answered. */
  stop(): Promise<Sent[]>;
};

/** Posts payments at a steady rate over kept-alive connections, whether or not earlier ones have been answered. It never sends one a second time. */
export function startSteadyLoad(
  { baseUrl, credentials }: { baseUrl: string; credentials: Readonly<Record<string, string>> },
  { prefix, perSecond }: { prefix: string; perSecond: number },
): SteadyLoad {
  const agent = new Agent({ keepAlive: true, maxSockets: 200 });
  const sent: Promise<Sent>[] = [];
  const send = (reference: string): Promise<Sent> =>
    new Promise((resolve) => {
      const outgoing = request(
        `${baseUrl}/v1/payments`,
        { method: 'POST', agent, headers: { ...credentials, 'content-type': 'application/json' } },
        (answer) => {
          answer.resume();
          answer.once('end', () => resolve({ reference, end: String(answer.statusCode) }));
          answer.once('error', (error) => resolve({ reference, end: error.message }));
        },
      );
      outgoing.once('error', (error) => resolve({ reference, end: error.message }));
      outgoing.end(JSON.stringify({ ...PUBLISHED_BODY, reference_number: reference }));
    });
  const post = (reference: string): Promise<Sent> => {
    const one = send(reference);
    sent.push(one);
    return one;
  };
  const timer = setInterval(() => void post(`${prefix}-${sent.length}`), 1000 / perSecond);
  return {
    post,
    async stop() {
      clearInterval(timer);
      const ends = await Promise.all(sent);
      agent.destroy();
      return ends;
    },
  };
}
