import { type Lane, laneName } from '../core/lanes.js';
import type { DbReader } from '../db/index.js';

export interface FleetNumbers {
  readonly queued: readonly {
    readonly lane: Lane;
    readonly count: number;
    readonly oldestMs: number;
  }[];
  readonly open: readonly { readonly status: string; readonly count: number }[];
  /** `unowned` while no node has it, whatever its last owner saw. */
  readonly backends: readonly { readonly id: string; readonly state: string; readonly circuit: string }[];
  readonly pendingWebhooks: number;
  readonly openHolds: number;
  readonly heldMicroPoints: number;
}

/** Counts by index of what is open; nothing here grows with what has ended. */
export async function readFleetNumbers(db: DbReader, nowMs: number): Promise<FleetNumbers> {
  const [open, backends, webhooks, holds] = await Promise.all([
    db
      .selectFrom('generations')
      .select(({ fn }) => ['status', 'lane', fn.countAll<number>().as('count'), fn.min('created_at').as('oldest')])
      .where('status', 'in', ['queued', 'running', 'collecting'])
      .groupBy(['status', 'lane'])
      .execute(),
    db
      .selectFrom('backends')
      .select(['id', 'state', 'state_detail', 'lease_until'])
      .where('desired', '!=', 'gone')
      .orderBy('id')
      .execute(),
    db
      .selectFrom('webhook_deliveries')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('status', '=', 'pending')
      .executeTakeFirst(),
    db
      .selectFrom('point_holds')
      .select(({ fn }) => [fn.countAll<number>().as('count'), fn.sum<number | null>('amount').as('amount')])
      .where('status', '=', 'open')
      .executeTakeFirst(),
  ]);
  const lanes = [0, 1].map((lane) => {
    const row = open.find((each) => each.status === 'queued' && each.lane === lane);
    return {
      lane: laneName(lane),
      count: row?.count ?? 0,
      oldestMs: row === undefined ? 0 : nowMs - row.oldest,
    };
  });
  const statuses = (['queued', 'running', 'collecting'] as const).map((status) => ({
    status,
    count: open.filter((row) => row.status === status).reduce((sum, row) => sum + row.count, 0),
  }));
  return {
    queued: lanes,
    open: statuses,
    backends: backends.map(({ id, state, state_detail: health, lease_until: until }) =>
      until > nowMs
        ? {
            id,
            state,
            circuit: health === null ? 'closed' : (JSON.parse(health) as { readonly circuit: string }).circuit,
          }
        : { id, state: 'unowned', circuit: 'closed' },
    ),
    pendingWebhooks: webhooks?.count ?? 0,
    openHolds: holds?.count ?? 0,
    heldMicroPoints: holds?.amount ?? 0,
  };
}
