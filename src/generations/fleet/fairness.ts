/**
 * Which node should own which backend. Pure, so that every node comes to the same view from the same rows.
 *
 * Ownership decides who talks to a backend, not how much it does, so it is spread by count: a node takes a free backend
 * at once when no other node that could own it owns fewer, and otherwise only after it was left lying for a while (the
 * others may be down). A node that owns at least two more than another one that could own the same backend gives one
 * away, when nothing runs on it: then both stay within one of each other, and nothing moves without need.
 */
export interface FleetNode {
  readonly id: string;
  /** Backends that it could own. */
  readonly backendIds: readonly string[];
}

export interface FleetView {
  readonly nodes: readonly FleetNode[];
  /** Owner by backend; only living ones. */
  readonly owners: ReadonlyMap<string, string>;
}

/** Does no other living node deserve it more? */
export function isNext(view: FleetView, nodeId: string, backendId: string): boolean {
  const counts = countOwned(view);
  const own = counts.get(nodeId) ?? 0;
  return rivals(view, nodeId, backendId).every((rival) => own <= (counts.get(rival.id) ?? 0));
}

/** The backends that this node should give away, first the ones with the poorest rivals; one of them at a time. */
export function surplus(view: FleetView, nodeId: string): string[] {
  const counts = countOwned(view);
  const own = counts.get(nodeId) ?? 0;
  const poorest = (backendId: string) =>
    Math.min(...rivals(view, nodeId, backendId).map((rival) => counts.get(rival.id) ?? 0));
  return [...view.owners]
    .filter(([backendId, owner]) => owner === nodeId && poorest(backendId) + 2 <= own)
    .map(([backendId]) => backendId)
    .sort((a, b) => poorest(a) - poorest(b) || (a < b ? -1 : 1));
}

function rivals(view: FleetView, nodeId: string, backendId: string): FleetNode[] {
  return view.nodes.filter((node) => node.id !== nodeId && node.backendIds.includes(backendId));
}

function countOwned({ owners }: FleetView): Map<string, number> {
  const counts = new Map<string, number>();
  for (const owner of owners.values()) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  return counts;
}
