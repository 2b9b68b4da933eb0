/**
 * What keeps a process alive: sockets, servers, timers. Take a census before the code under test starts and compare after
 * it was closed.
 *
 *   const before = census();
 *   ... start, use, close ...
 *   expect(await leakedSince(before)).toEqual([]);
 */
export type Census = ReadonlyMap<string, number>;

const WATCHED = ['TCPSocketWrap', 'TCPServerWrap', 'TCPConnectWrap', 'TLSWrap', 'PipeWrap', 'Timeout', 'FSReqCallback'];

export function census(): Census {
  const counts = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo())
    if (WATCHED.includes(type)) counts.set(type, (counts.get(type) ?? 0) + 1);
  return counts;
}

/** A closed socket takes some turns of the event loop to disappear; what is still there after these is a leak. */
const TURNS = 200;

/**
 * `TCPSocketWrap +1` for every kind of which there are more than before. `tolerate`: what else is alive meanwhile may come and
 * go by so many (the timers of a running node).
 */
export async function leakedSince(
  before: Census,
  tolerate: Readonly<Partial<Record<(typeof WATCHED)[number], number>>> = {},
): Promise<string[]> {
  let leaks: string[] = [];
  for (let turn = 0; turn < TURNS; turn += 1) {
    leaks = [...census()].flatMap(([type, count]) => {
      const more = count - (before.get(type) ?? 0) - (tolerate[type] ?? 0);
      return more > 0 ? [`${type} +${more}`] : [];
    });
    if (leaks.length === 0) return [];
    await new Promise((resolve) => setImmediate(resolve));
  }
  return leaks;
}
