/** Makes the sandbox take `latencyMs` for each posting from now on. */
export async function delayPostings(emrUrl: string, latencyMs: number): Promise<void> {
  const answer = await fetch(`${emrUrl}/sandbox/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      kind: 'latency',
      latency_ms: latencyMs,
      match: { method: 'POST', path: '/fhir/PaymentReconciliation' },
    }),
  });
  if (!answer.ok) throw new Error(`the sandbox refused the latency fault with ${answer.status}`);
}
