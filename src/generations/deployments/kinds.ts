import type { ExpressionBuilder } from 'kysely';
import type { Database } from '../../db/schema.js';

/**
 * For claims: a generation with a deployment id goes to a backend of kind `comfydeploy` and to no other, and one with a graph
 * to any but such a backend. Part of the claim itself, so that no policy can be wrong about it.
 */
export function fitsKindOf(backendId: string) {
  return (eb: ExpressionBuilder<Database, 'generations'>) =>
    eb.exists(eb.selectFrom('backends').select('backends.id').where('backends.id', '=', backendId).where(fitsKind));
}

/** The same between a row of `backends` and one of `generations`. */
export function fitsKind(eb: ExpressionBuilder<Database, 'generations' | 'backends'>) {
  return eb.or([
    eb.and([eb('backends.kind', '=', 'comfydeploy'), eb('generations.deployment_id', 'is not', null)]),
    eb.and([eb('backends.kind', '!=', 'comfydeploy'), eb('generations.deployment_id', 'is', null)]),
  ]);
}
