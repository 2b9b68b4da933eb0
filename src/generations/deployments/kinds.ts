import type { ExpressionBuilder } from 'kysely';
import type { Database } from '../../db/schema.js';

/**
 * For claims: a generation with a deployment id goes to a backend of kind `comfydeploy` and to no other, and one with a graph
 * to any but such a backend. Part of the claim itself, so that no policy can be wrong about it.
 */
export function fitsKindOf(backendId: string) {
  return (eb: ExpressionBuilder<Database, 'generations'>) =>
    eb.exists(
      eb
        .selectFrom('backends')
        .select('backends.id')
        .where('backends.id', '=', backendId)
        .where((inner) =>
          inner.or([
            inner.and([inner('backends.kind', '=', 'comfydeploy'), inner('generations.deployment_id', 'is not', null)]),
            inner.and([inner('backends.kind', '!=', 'comfydeploy'), inner('generations.deployment_id', 'is', null)]),
          ]),
        ),
    );
}
