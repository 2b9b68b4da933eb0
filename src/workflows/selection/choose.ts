import { createHash } from 'node:crypto';
import type { Deployment } from '../types.js';

/**
 * Which deployment a run takes, as a pure function. The order, from first to last:
 *
 *   1. the account's preference, where it may be used here and is well
 *   2. where stickiness is asked for: always the same of those that are well, by weight
 *   3. of those that are well: by lot, by weight and by how little they have to do; in the context `quick` the one that has
 *      least to do
 *   4. those of weight 0 that are well
 *   5. those that are not well now: the run waits for them
 *
 * What is turned off, or is for other contexts, is never taken: it was meant for somebody else.
 */
export interface Candidate {
  readonly deployment: Deployment;
  readonly health: Health;
}

export interface Health {
  /** Could a run begin there, now or when what runs has ended? */
  readonly isWell: boolean;
  /** For people: `ready`, `draining`, `there is no such backend`. */
  readonly state: string;
  /** Runs under way per place; 0 is idle. */
  readonly load: number;
}

export interface ChoiceRequest {
  /** `interactive`, `api`, `cook`, `quick`, any name. `any` may use all. */
  readonly context: string;
  /** A deployment id or a backend id. */
  readonly preference?: string | undefined;
  /** Whether the preference is the one that is stored for the account, and not one of the request. */
  readonly isStoredPreference?: boolean | undefined;
  /** The same key gets the same deployment, as long as it is well. */
  readonly stickyKey?: string | undefined;
}

export const SELECTION_RULES = ['preference', 'sticky', 'least_loaded', 'weight', 'spare', 'waiting'] as const;
export type SelectionRule = (typeof SELECTION_RULES)[number];

export type Verdict = 'chosen' | 'other' | 'other_context' | 'off' | 'not_well' | 'spare';

export interface Considered {
  readonly deploymentId: string;
  readonly workflow: string;
  readonly verdict: Verdict;
  readonly state: string;
  readonly load: number;
}

export interface Choice {
  readonly candidate: Candidate;
  readonly rule: SelectionRule;
  readonly considered: readonly Considered[];
}

const ANY = 'any';
const QUICK = 'quick';

/** Null when there is none that may be used. `random` is 0 to 1, exclusive. */
export function choose(candidates: readonly Candidate[], request: ChoiceRequest, random: () => number): Choice | null {
  const usable = candidates.filter(({ deployment }) => deployment.enabled && fits(deployment, request.context));
  const well = usable.filter(({ health }) => health.isWell);
  const weighted = well.filter(({ deployment }) => deployment.weight > 0);
  const found = pick(usable, well, weighted, request, random);
  if (found === null) return null;
  return { ...found, considered: candidates.map((candidate) => consider(candidate, found.candidate, request)) };
}

function pick(
  usable: readonly Candidate[],
  well: readonly Candidate[],
  weighted: readonly Candidate[],
  { context, preference, stickyKey }: ChoiceRequest,
  random: () => number,
): { readonly candidate: Candidate; readonly rule: SelectionRule } | null {
  const preferred = preference === undefined ? undefined : well.find((candidate) => isCalled(candidate, preference));
  if (preferred !== undefined) return { candidate: preferred, rule: 'preference' };
  const [first] = weighted;
  if (first !== undefined) {
    if (stickyKey !== undefined) return { candidate: sticky(weighted, stickyKey), rule: 'sticky' };
    if (context === QUICK) return { candidate: leastLoaded(weighted), rule: 'least_loaded' };
    return { candidate: byLot(weighted, random), rule: 'weight' };
  }
  const spare = well[0];
  if (spare !== undefined) return { candidate: leastLoaded(well), rule: 'spare' };
  const waiting = usable.filter(({ deployment }) => deployment.weight > 0);
  if (usable.length === 0) return null;
  return { candidate: byLot(waiting.length > 0 ? waiting : usable, random), rule: 'waiting' };
}

function fits({ contexts }: Deployment, context: string): boolean {
  return context === ANY || contexts.includes(ANY) || contexts.includes(context);
}

function isCalled({ deployment: { id, target } }: Candidate, name: string): boolean {
  return id === name || (target.kind !== 'any' && target.backendId === name);
}

/** Weight over what it has to do: a deployment with twice the load gets half as much of the rest. */
function byLot(candidates: readonly Candidate[], random: () => number): Candidate {
  const shares = candidates.map(({ deployment, health }) => Math.max(1, deployment.weight) / (1 + health.load));
  let left = random() * shares.reduce((sum, share) => sum + share, 0);
  for (const [index, share] of shares.entries()) {
    left -= share;
    const candidate = candidates[index];
    if (left < 0 && candidate !== undefined) return candidate;
  }
  return candidates[candidates.length - 1]!;
}

function leastLoaded(candidates: readonly Candidate[]): Candidate {
  return candidates.reduce((best, candidate) => (candidate.health.load < best.health.load ? candidate : best));
}

/**
 * Weighted rendezvous hashing (Schindelhauer and Schomaker 2005): each key ranks the deployments by itself, so that one
 * which comes or goes moves only the keys that it gains or had. No node needs to remember anything.
 */
function sticky(candidates: readonly Candidate[], key: string): Candidate {
  const rank = ({ deployment }: Candidate) => {
    const digest = createHash('sha256')
      .update(JSON.stringify([key, deployment.id]))
      .digest();
    // 48 bits, in (0, 1).
    const unit = (digest.readUIntBE(0, 6) + 0.5) / 2 ** 48;
    return -Math.max(1, deployment.weight) / Math.log(unit);
  };
  return candidates.reduce((best, candidate) => (rank(candidate) > rank(best) ? candidate : best));
}

function consider(candidate: Candidate, chosen: Candidate, { context }: ChoiceRequest): Considered {
  const { deployment, health } = candidate;
  const facts = { deploymentId: deployment.id, workflow: deployment.workflow, state: health.state, load: health.load };
  if (candidate === chosen) return { ...facts, verdict: 'chosen' };
  if (!deployment.enabled) return { ...facts, verdict: 'off' };
  if (!fits(deployment, context)) return { ...facts, verdict: 'other_context' };
  if (!health.isWell) return { ...facts, verdict: 'not_well' };
  return { ...facts, verdict: deployment.weight === 0 ? 'spare' : 'other' };
}

/** The reason in one sentence. */
export function sentenceOf({ candidate, rule, considered }: Choice, request: ChoiceRequest): string {
  const { deployment, health } = candidate;
  const where = placeOf(deployment);
  const others = considered.filter(({ verdict }) => verdict === 'other').length;
  const { isStoredPreference = false } = request;
  const preferred = isStoredPreference ? 'one that the account prefers' : 'preferred one';
  const lost = request.preference !== undefined && rule !== 'preference' ? ` The ${preferred} cannot be used now.` : '';
  switch (rule) {
    case 'preference':
      return `${where}: it is preferred${isStoredPreference ? ' by the account' : ''}, may be used for ${request.context}, and is ${health.state}.`;
    case 'sticky':
      return `${where}: this key gets it as long as it is well, and it is ${health.state}.${lost}`;
    case 'least_loaded':
      return `${where}: it has least to do${amongst(others)}.${lost}`;
    case 'weight':
      return others === 0
        ? `${where}: the only one for ${request.context} that is well.${lost}`
        : `${where}: drawn by weight and load${amongst(others)}.${lost}`;
    case 'spare':
      return `${where}: a spare one of weight 0, because no other for ${request.context} is well.${lost}`;
    case 'waiting':
      return `${where}: none for ${request.context} is well now (this one: ${health.state}), so it waits.${lost}`;
  }
}

function amongst(others: number): string {
  return others === 0 ? '' : ` among ${others + 1} that are well`;
}

function placeOf({ workflow, target }: Deployment): string {
  switch (target.kind) {
    case 'any':
      return `${workflow} on any backend`;
    case 'backend':
      return `${workflow} on ${target.backendId}`;
    case 'comfydeploy':
      return `${workflow} as ComfyDeploy deployment ${target.deploymentId}`;
  }
}
