import type { DbReader } from '../../db/index.js';
import type { Deployment } from '../types.js';
import type { Health } from './choose.js';

interface Look {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly isWell: boolean;
  readonly running: number;
}

const OPEN = ['claimed', 'sent', 'running'] as const;

/** How the backends are, as their owners last wrote down. Two statements, whatever the number of deployments. */
export async function lookAtBackends(db: DbReader, nowMs: number): Promise<(deployment: Deployment) => Health> {
  const rows = await db
    .selectFrom('backends')
    .select(['id', 'kind', 'state', 'desired', 'lease_until'])
    .orderBy('id')
    .execute();
  const counts = await db
    .selectFrom('attempts')
    .select(({ fn }) => ['backend_id', fn.countAll<number>().as('count')])
    .where('status', 'in', OPEN)
    .groupBy('backend_id')
    .execute();
  const running = new Map(counts.map((row) => [row.backend_id, row.count]));
  const looks = rows.map((row): Look => {
    const state = row.desired !== 'active' ? row.desired : row.lease_until <= nowMs ? 'without a node' : row.state;
    return { id: row.id, kind: row.kind, state, isWell: state === 'ready', running: running.get(row.id) ?? 0 };
  });
  return ({ target }) => {
    if (target.kind === 'backend') return healthOf(looks.filter(({ id }) => id === target.backendId));
    if (target.kind === 'comfydeploy') {
      const machines = looks.filter(({ kind }) => kind === 'comfydeploy');
      return healthOf(target.backendId === null ? machines : machines.filter(({ id }) => id === target.backendId));
    }
    return healthOf(looks.filter(({ kind }) => kind !== 'comfydeploy'));
  };
}

/** Of several that would do, the best. */
function healthOf(looks: readonly Look[]): Health {
  const [best] = looks.filter(({ isWell }) => isWell).sort((a, b) => a.running - b.running);
  if (best !== undefined) return { isWell: true, state: best.state, load: best.running };
  const [first] = looks;
  return { isWell: false, state: first?.state ?? 'there is no such backend', load: 0 };
}
