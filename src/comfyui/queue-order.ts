import type { QueueItem } from './schemas.js';

/** Execution order: by number, then by prompt id as a string (comfyui.md 1.4). */
export function sortPending(items: readonly QueueItem[]): QueueItem[] {
  return [...items].sort((a, b) => {
    if (a.number !== b.number) return a.number < b.number ? -1 : 1;
    return a.promptId < b.promptId ? -1 : a.promptId > b.promptId ? 1 : 0;
  });
}
