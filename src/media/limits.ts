/** What may come in, and how much work a file may make. */
export interface MediaLimits {
  /** `image/png`, `audio/*` */
  readonly accept: readonly string[];
  readonly maxImageBytes: number;
  readonly maxMegapixels: number;
  readonly maxFrames: number;
}

/** All frames of an animation together may have so many times the pixels of a picture: they are decoded one by one. */
const ANIMATION_FACTOR = 8;

export function maxPixels(limits: MediaLimits): number {
  return Math.floor(limits.maxMegapixels * 1_000_000);
}

export function maxTotalPixels(limits: MediaLimits): number {
  return maxPixels(limits) * ANIMATION_FACTOR;
}

export function isAccepted(limits: MediaLimits, contentType: string): boolean {
  return limits.accept.some((type) =>
    type.endsWith('/*') ? contentType.startsWith(type.slice(0, -1)) : contentType === type,
  );
}
