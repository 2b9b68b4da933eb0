import { MODE_BYPASSED, MODE_MUTED, textOf, type UiNode } from './model.js';

/**
 * Nodes that exist only in the ComfyUI window (`comfyui.md` 4.3). A server knows none of them, so none is ever emitted.
 *
 * - reroute    hands on what comes in
 * - primitive  holds the value of the widgets that it is linked to
 * - set, get   a named pair that stands for a link
 * - silent     notes, and switches for muting and bypassing whose effect is already stored in the modes of other nodes
 */
export type VirtualKind = 'reroute' | 'primitive' | 'set' | 'get' | 'silent';

const VIRTUAL_KINDS: ReadonlyMap<string, VirtualKind> = new Map<string, VirtualKind>([
  ['Reroute', 'reroute'],
  ['Reroute (rgthree)', 'reroute'],
  ['PrimitiveNode', 'primitive'],
  ['SetNode', 'set'],
  ['GetNode', 'get'],
  ['easy setNode', 'set'],
  ['easy getNode', 'get'],
  ['Note', 'silent'],
  ['MarkdownNote', 'silent'],
  ['Label (rgthree)', 'silent'],
  ['Bookmark (rgthree)', 'silent'],
  ['Fast Muter (rgthree)', 'silent'],
  ['Fast Bypasser (rgthree)', 'silent'],
  ['Fast Groups Muter (rgthree)', 'silent'],
  ['Fast Groups Bypasser (rgthree)', 'silent'],
  ['Fast Actions Button (rgthree)', 'silent'],
  ['Mute / Bypass Relay (rgthree)', 'silent'],
  ['Mute / Bypass Repeater (rgthree)', 'silent'],
  ['Random Unmuter (rgthree)', 'silent'],
  ['Node Collector (rgthree)', 'silent'],
]);

export function virtualKind(node: UiNode): VirtualKind | null {
  return VIRTUAL_KINDS.get(node.type) ?? null;
}

/** These connect nodes without links, by rules that only their own code in the browser knows. */
const INVISIBLE_LINKERS = new Set([
  'Anything Everywhere',
  'Anything Everywhere?',
  'Anything Everywhere3',
  'Anything Everywhere Triplet',
  'Prompts Everywhere',
  'Seed Everywhere',
]);

export function linksInvisibly(node: UiNode): boolean {
  return INVISIBLE_LINKERS.has(node.type);
}

export function isMuted(node: UiNode): boolean {
  return node.mode === MODE_MUTED;
}

export function isBypassed(node: UiNode): boolean {
  return node.mode === MODE_BYPASSED;
}

/** The name that joins a set node with its get nodes. */
export function pairName(node: UiNode): string | null {
  return Array.isArray(node.widgetValues) ? textOf(node.widgetValues[0]) : null;
}
