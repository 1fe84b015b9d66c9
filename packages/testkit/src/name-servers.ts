/** Makes name servers that give one answer after the other, and then the last one again and again. `asked`: the names so far. */
export function nameServers(...answers: string[][]) {
  const asked: string[] = [];
  const resolve = async (hostname: string): Promise<{ address: string; family: 4 | 6 }[]> => {
    const answer = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(hostname);
    return answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  };
  return { resolve, asked };
}
