import type { Canvas } from '../canvas.js';
import type { Noise } from '../noise.js';
import type { Plan } from '../plan.js';

/** What every painter works with. Places in canvas units (see Canvas). */
export interface Painting {
  readonly canvas: Canvas;
  readonly plan: Plan;
  readonly noise: Noise;
  /** Height of the horizon. */
  readonly horizon: number;
  readonly lamp: { readonly x: number; readonly y: number; readonly radius: number };
}
