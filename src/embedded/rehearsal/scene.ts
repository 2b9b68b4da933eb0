/**
 * A scene is everything a sampler knows when it makes a picture. Two equal scenes give equal pictures, byte for byte;
 * any difference shows, be it only in a nuance.
 */
export interface LoraUse {
  readonly name: string;
  readonly strength: number;
}

export interface Scene {
  readonly prompt: string;
  readonly negative: string;
  readonly seed: bigint;
  /** Place in the batch: pictures of one batch differ as if their seeds did. */
  readonly index: number;
  /** File name of the model, as its loader got it. */
  readonly model: string;
  readonly loras: readonly LoraUse[];
  readonly steps: number;
  readonly cfg: number;
  /** Sampler, scheduler, model patches: told apart, but only in nuances. */
  readonly manner: readonly string[];
}
