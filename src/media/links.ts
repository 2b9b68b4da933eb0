import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../core/clock.js';
import { EaselError } from '../core/errors.js';
import { type Db, SharedSecret } from '../db/index.js';

/** What a signed address lets its bearer read: one file of one account, until then. */
export interface MediaGrant {
  readonly mediaId: string;
  readonly accountId: string;
  readonly expiresAt: number;
}

const MAX_VALID_MS = 7 * 24 * 60 * 60_000;

/**
 * Signs addresses with a key that lives in the database: all nodes accept what any of them signed, also after a restart.
 * The account is part of what is signed, so that a file which changes hands cannot be read by an old address.
 */
export class MediaLinks {
  readonly #clock: Clock;
  readonly #key: SharedSecret;

  constructor(options: { readonly db: Db; readonly clock: Clock }) {
    this.#clock = options.clock;
    this.#key = new SharedSecret({ db: options.db, clock: options.clock, name: 'media-links' });
  }

  /** The query of an address, for `verify`. At most a week. */
  async sign(mediaId: string, accountId: string, validMs: number): Promise<{ query: string; expiresAt: number }> {
    if (!Number.isFinite(validMs) || validMs < 1000 || validMs > MAX_VALID_MS)
      throw new EaselError('request_invalid', 'A signed address is valid for 1 second to 7 days.');
    // Whole seconds, rounded up: that is what the address says.
    const expiresAt = Math.ceil((this.#clock.now() + validMs) / 1000) * 1000;
    const signature = await this.#signature({ mediaId, accountId, expiresAt });
    const query = new URLSearchParams({
      account: accountId,
      expires: String(expiresAt / 1000),
      signature: signature.toString('base64url'),
    });
    return { query: query.toString(), expiresAt };
  }

  /** Throws `media_link_invalid`. */
  async verify(
    mediaId: string,
    query: { readonly account: string; readonly expires: string; readonly signature: string },
  ): Promise<MediaGrant> {
    const grant = { mediaId, accountId: query.account, expiresAt: Number(query.expires) * 1000 };
    const wanted = await this.#signature(grant);
    const given = Buffer.from(query.signature, 'base64url');
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
      throw new EaselError('media_link_invalid', 'The address was not signed here, or it was changed.');
    if (this.#clock.now() >= grant.expiresAt)
      throw new EaselError('media_link_invalid', 'The address is not valid any more.');
    return grant;
  }

  async #signature({ mediaId, accountId, expiresAt }: MediaGrant): Promise<Buffer> {
    return createHmac('sha256', await this.#key.read())
      .update(JSON.stringify(['media', mediaId, accountId, expiresAt]))
      .digest();
  }
}
