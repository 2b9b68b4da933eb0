import { systemClock } from '../src/core/clock.js';
import { newId } from '../src/core/ids.js';
import { silentLogger } from '../src/core/log.js';
import { type Db, migrate, openDatabase } from '../src/db/index.js';
import { claimNext } from '../src/generations/claim.js';
import { createDispatch, managedTraits } from '../src/generations/dispatch/create.js';
import { EventHub } from '../src/generations/event-hub.js';
import { acquireLease, processIdentity } from '../src/generations/lease.js';
import { FakeBackend } from '../src/testing/index.js';
import { onEachDatabase } from './lib/databases.js';
import { formatMs, print, quantile, table } from './lib/report.js';

/**
 * What one claim costs, from asking what is due to the answer to COMMIT (on the disk), with ever more work waiting: 8
 * backends take turns, 40 models, 12 accounts, both lanes. Two more rows show queues that are awkward on purpose.
 *
 *   --quick   fewer claims, and no more than 20,000 waiting
 */
const BACKENDS = 8;
const MODELS = 40;
const ACCOUNTS = 12;

interface Queue {
  readonly name: string;
  readonly waiting: number;
  /** Share of the queue, in front of everything else, that no backend here can run. */
  readonly blocked: number;
  readonly accounts: number;
}

export async function run(args: readonly string[]): Promise<object> {
  const quick = args.includes('--quick');
  const queues: Queue[] = [2_000, 20_000, ...(quick ? [] : [200_000])].map((waiting) => ({
    name: 'ordinary',
    waiting,
    blocked: 0,
    accounts: ACCOUNTS,
  }));
  const awkward = quick ? 20_000 : 200_000;
  queues.push({ name: 'half in front can run nowhere', waiting: awkward, blocked: 0.5, accounts: ACCOUNTS });
  queues.push({ name: '2,000 accounts', waiting: awkward, blocked: 0, accounts: 2_000 });
  const claims = quick ? 100 : 500;
  return onEachDatabase(async ({ name, use }) => {
    const rows = [];
    for (const queue of queues) rows.push(await use((url) => measure(url, queue, claims)));
    return report(name, rows);
  });
}

interface Measured extends Queue {
  readonly claims: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** A transaction that writes one row, in turn with the claims: what begin, disk and answer take alone. */
  readonly commitP50Ms: number;
}

function report(name: string, rows: readonly Measured[]): Measured[] {
  print(`Claims on ${name}`);
  table(
    rows.map((row) => ({
      queue: row.name,
      waiting: row.waiting,
      'claim p50': formatMs(row.p50Ms),
      p95: formatMs(row.p95Ms),
      'a bare one-row transaction': formatMs(row.commitP50Ms),
    })),
  );
  return [...rows];
}

async function measure(url: string, queue: Queue, claims: number): Promise<Measured> {
  const db = await openDatabase({ url, logger: silentLogger });
  try {
    await migrate(db);
    await fill(db, queue);
    const identity = processIdentity(newId());
    const dispatch = createDispatch({ db, clock: systemClock, logger: silentLogger, hub: new EventHub() });
    const leases = [];
    for (let index = 0; index < BACKENDS; index += 1) {
      const id = `backend-${index}`;
      await addBackend(db, id);
      const backend = new FakeBackend({ id });
      dispatch.policy.attach(backend, managedTraits({ backend }));
      const lease = await acquireLease(db, { backendId: id, identity, leaseMs: 3_600_000, nowMs: Date.now() });
      if (lease === null) throw new Error('The lease of a new backend was not to be had.');
      leases.push(lease);
    }
    const times: number[] = [];
    const commits: number[] = [];
    const context = { db, clock: systemClock, policy: dispatch.policy };
    for (let index = 0; index < claims + WARM_UP; index += 1) {
      const startedAt = performance.now();
      const claim = await claimNext(context, leases[index % BACKENDS]!, identity.owner);
      if (claim === null) throw new Error('Nothing was claimed although work waits.');
      const claimedAt = performance.now();
      // In turn, so that a disk or a machine that is busy is so for both.
      await db.transaction((tx) =>
        tx.updateTable('backends').set({ updated_at: index }).where('id', '=', 'backend-0').execute(),
      );
      if (index < WARM_UP) continue;
      times.push(claimedAt - startedAt);
      commits.push(performance.now() - claimedAt);
    }
    await dispatch.stop();
    return {
      ...queue,
      claims,
      p50Ms: quantile(times, 0.5),
      p95Ms: quantile(times, 0.95),
      commitP50Ms: quantile(commits, 0.5),
    };
  } finally {
    await db.close();
  }
}

const WARM_UP = 40;

async function addBackend(db: Db, id: string): Promise<void> {
  await db.transaction((tx) =>
    tx
      .insertInto('backends')
      .values({
        id,
        kind: 'comfyui',
        url: `fake:${id}`,
        owner_node: null,
        lease_until: 0,
        epoch: 0,
        created_at: 0,
        updated_at: 0,
        origin: 'config',
        desired: 'active',
        state: 'ready',
        state_since: 0,
        vram_bytes: 0,
        settings_version: 0,
      })
      .execute(),
  );
}

async function fill(db: Db, queue: Queue): Promise<void> {
  const nowMs = Date.now() - 60_000;
  const needs = { classes: [], files: [], isDeployment: false, tags: [], vramBytes: 0 };
  await db.bulk(async (tx) => {
    await tx
      .insertInto('dispatch_needs')
      .values([
        ...Array.from({ length: MODELS }, (_, model) => ({
          needs_key: `needs-${model}`,
          model_key: `model-${model}`,
          needs: JSON.stringify({ ...needs, backendId: null }),
          used_at: nowMs,
        })),
        {
          needs_key: 'elsewhere',
          model_key: 'model-0',
          needs: JSON.stringify({ ...needs, backendId: 'another' }),
          used_at: nowMs,
        },
      ])
      .execute();
    const page = 200;
    for (let start = 0; start < queue.waiting; start += page) {
      const rows = Array.from({ length: Math.min(page, queue.waiting - start) }, (_, offset) => {
        const index = start + offset;
        const isBlocked = index < queue.blocked * queue.waiting;
        // Popularity falls off as in life: half of all work is for a few models.
        const model = isBlocked ? 0 : Math.floor(MODELS * ((index * 0.618_033_988_749) % 1) ** 3);
        return {
          id: newId(),
          account_id: `account-${index % queue.accounts}`,
          status: 'queued' as const,
          lane: !isBlocked && index % 3 === 0 ? 1 : 0,
          model_key: `model-${model}`,
          lora_key: index % 2 === 0 ? '' : `lora-${index % 7}`,
          needs_key: isBlocked ? 'elsewhere' : `needs-${model}`,
          vstart: Math.floor(index / queue.accounts) * 12_000,
          estimate_ms: 12_000,
          attempt_count: 0,
          max_attempts: 3,
          unaccepted_count: 0,
          available_at: nowMs,
          created_at: nowMs,
          updated_at: nowMs,
          queue_deadline_at: nowMs + 3_600_000,
          run_limit_ms: 60_000,
          event_seq: 1,
        };
      });
      await tx.insertInto('generations').values(rows).execute();
    }
  });
}
