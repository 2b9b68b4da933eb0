import sharp from 'sharp';
import type { EnginePreview, NodeContext } from '../node.js';
import { smoothstep } from '../rehearsal/math.js';
import { Picture } from '../rehearsal/picture.js';
import {
  addNoise,
  type Guide,
  type Region,
  renderSample,
  type SampleSpec,
  samplePicture,
} from '../rehearsal/sample.js';
import type { Scene } from '../rehearsal/scene.js';
import type { NodeSetup } from './library.js';
import type { ConditioningEntry, ConditioningValue, LatentItem, LatentValue, ModelValue } from './values.js';

/** One call of a sampler, whatever node asked for it. */
export interface SampleRequest {
  readonly model: ModelValue;
  readonly positive: ConditioningValue;
  readonly negative: ConditioningValue | null;
  readonly latent: LatentValue;
  readonly seed: bigint;
  readonly cfg: number;
  /** Steps of this call; 0 leaves the latent as it is. */
  readonly steps: number;
  /** 0 keeps what the latent holds, 1 ignores it. */
  readonly denoise: number;
  /** Noise that is left when the last step is done, 0..1. */
  readonly leftover: number;
  /** Sampler and scheduler. */
  readonly manner: readonly string[];
}

/** Previews are small: they are drawn in full once, and only their noise changes from step to step. */
const MAX_PREVIEW_SIDE = 320;
const PREVIEW_QUALITY = 80;

/**
 * Rehearses sampling: waits through the steps with progress and previews, and returns a latent whose pictures are drawn
 * when they are decoded. Rejects when the run is interrupted.
 */
export async function sample(request: SampleRequest, context: NodeContext, setup: NodeSetup): Promise<LatentValue> {
  const { latent, steps } = request;
  if (steps === 0) return latent;
  const specs = latent.items.map((item, place) => specOf(request, item, place));
  // Sound has nothing to show.
  const preview = specs[0] && latent.seconds === 0 ? await previewOf(specs[0], setup.rehearsal.previewSize) : null;
  for (let step = 1; step <= steps; step++) {
    await context.delay(setup.rehearsal.stepMs);
    context.progress(step, steps, preview ? await preview(step / steps) : undefined);
  }
  const items = specs.map((spec, place) => ({
    picture: samplePicture(spec),
    index: latent.items[place]!.index,
    noise: request.leftover,
  }));
  return { ...latent, items };
}

function specOf(request: SampleRequest, item: LatentItem, place: number): SampleSpec {
  const { latent, model, positive, denoise } = request;
  const base = baseScene(request, item);
  const local = positive.entries.filter((entry) => isLocal(entry) && entry.strength > 0);
  const isEmpty = item.picture === null;
  return {
    width: latent.width,
    height: latent.height,
    scene: base,
    regions: local.map((entry) => regionOf(entry, base, latent)),
    guides: [...distinctGuides(positive), ...model.guides],
    // Too little denoising of nothing leaves it grey, as a real sampler does.
    source: isEmpty ? (denoise >= 1 ? null : Picture.flat(latent.width, latent.height, 127)) : item.picture,
    denoise,
    mask: latent.noiseMask && !isEmpty ? { batch: latent.noiseMask, frame: place } : null,
  };
}

function baseScene(request: SampleRequest, item: LatentItem): Scene {
  const { model, positive, negative } = request;
  const whole = positive.entries.filter((entry) => !isLocal(entry));
  const prompt = textOf(whole) || textOf(positive.entries);
  return {
    prompt,
    negative: negative ? textOf(negative.entries) : '',
    seed: request.seed,
    index: item.index,
    model: model.name,
    loras: model.loras,
    steps: request.steps,
    cfg: request.cfg,
    manner: [...request.manner, ...model.patches, ...new Set(whole.flatMap((entry) => entry.notes))],
  };
}

function isLocal(entry: ConditioningEntry): boolean {
  return entry.area !== null || entry.mask !== null;
}

function textOf(entries: readonly ConditioningEntry[]): string {
  const used = entries.filter((entry) => entry.text !== '' && entry.strength > 0 && entry.range[1] > entry.range[0]);
  return [...new Set(used.map((entry) => entry.text))].join(', ');
}

function regionOf(entry: ConditioningEntry, base: Scene, latent: LatentValue): Region {
  return {
    scene: { ...base, prompt: entry.text, manner: [...base.manner, ...entry.notes] },
    area: fractionsOf(entry, latent),
    mask: entry.mask,
    strength: entry.strength,
  };
}

function fractionsOf({ area }: ConditioningEntry, latent: LatentValue): Region['area'] {
  if (!area) return { left: 0, top: 0, right: 1, bottom: 1 };
  const across = area.unit === 'pixels' ? latent.width : 1;
  const down = area.unit === 'pixels' ? latent.height : 1;
  return {
    left: area.x / across,
    top: area.y / down,
    right: (area.x + area.width) / across,
    bottom: (area.y + area.height) / down,
  };
}

/** Combined prompts often share their pictures; each counts once. */
function distinctGuides(positive: ConditioningValue): Guide[] {
  return [...new Set(positive.entries.flatMap((entry) => entry.guides))];
}

/** Makes previews of a run: the picture coming out of the noise. Null when none are wanted. */
async function previewOf(
  spec: SampleSpec,
  previewSize: number,
): Promise<((progress: number) => Promise<EnginePreview>) | null> {
  if (previewSize <= 0) return null;
  const scale = Math.min(1, Math.min(previewSize, MAX_PREVIEW_SIDE) / Math.max(spec.width, spec.height));
  const width = Math.max(1, Math.round(spec.width * scale));
  const height = Math.max(1, Math.round(spec.height * scale));
  const picture = await renderSample(spec, width, height);
  return async (progress) => {
    const noise = 0.92 * (1 - smoothstep(0, 1, progress));
    const pixels = noise > 0 ? addNoise(picture, width, height, noise, Math.round(progress * 1000)) : picture;
    const bytes = await sharp(pixels, { raw: { width, height, channels: 3 } })
      .jpeg({ quality: PREVIEW_QUALITY })
      .toBuffer();
    return { format: 'jpeg', bytes };
  };
}
