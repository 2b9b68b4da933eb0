import { randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.js';
import type { Db } from './database.js';

/** A key that all nodes share and that survives restarts: random, made by whichever of them needs it first. */
export class SharedSecret {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #name: string;
  #value: Promise<Buffer> | null = null;

  constructor(options: { readonly db: Db; readonly clock: Clock; readonly name: string }) {
    this.#db = options.db;
    this.#clock = options.clock;
    this.#name = options.name;
  }

  /** 32 bytes, fetched once. A database that was away is asked again. */
  read(): Promise<Buffer> {
    this.#value ??= this.#fetch().catch((error: unknown) => {
      this.#value = null;
      throw error;
    });
    return this.#value;
  }

  #fetch(): Promise<Buffer> {
    const made = { name: this.#name, value: randomBytes(32).toString('hex'), created_at: this.#clock.now() };
    return this.#db.transaction(async (tx) => {
      // Two nodes that start at once: the second one's is not stored, and both read the first one's.
      await tx
        .insertInto('secrets')
        .values(made)
        .onConflict((conflict) => conflict.column('name').doNothing())
        .execute();
      const row = await tx
        .selectFrom('secrets')
        .select('value')
        .where('name', '=', this.#name)
        .executeTakeFirstOrThrow();
      return Buffer.from(row.value, 'hex');
    });
  }
}
