import type { ImageBatch, MaskBatch } from '../node.js';
import type { Picture } from '../rehearsal/picture.js';
import type { Guide } from '../rehearsal/sample.js';
import type { LoraUse } from '../rehearsal/scene.js';

/**
 * What travels on the links between rehearsed nodes: an honest record of what a real run would have been told. Every
 * value names its link type. All are immutable.
 */
export interface ModelValue {
  readonly type: 'MODEL';
  /** File name, or for merges what was merged. */
  readonly name: string;
  readonly loras: readonly LoraUse[];
  /** Patches in the order they were applied, such as `ModelSamplingSD3 shift=3`. */
  readonly patches: readonly string[];
  /** Pictures that model patches brought along. */
  readonly guides: readonly Guide[];
}

export interface ClipValue {
  readonly type: 'CLIP';
  readonly names: readonly string[];
  readonly loras: readonly LoraUse[];
  /** Layer, tokenizer options and the like. */
  readonly notes: readonly string[];
}

/** A model file that is only named: VAE, CLIP vision, ControlNet and so on. */
export interface NamedFile<K extends string> {
  readonly type: K;
  readonly name: string;
}

export interface ConditioningEntry {
  readonly text: string;
  readonly strength: number;
  /** In pixels, or in fractions of the picture. */
  readonly area: Area | null;
  readonly mask: MaskBatch | null;
  /** The part of the run for which it holds, 0..1. */
  readonly range: readonly [start: number, end: number];
  readonly guides: readonly Guide[];
  /** Guidance, frame rate and the like. */
  readonly notes: readonly string[];
}

export interface Area {
  readonly unit: 'pixels' | 'fraction';
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface ConditioningValue {
  readonly type: 'CONDITIONING';
  readonly entries: readonly ConditioningEntry[];
}

export interface LatentValue {
  readonly type: 'LATENT';
  /** In pixels of the decoded picture. */
  readonly width: number;
  readonly height: number;
  /** Frames per item; 1 for a still. */
  readonly length: number;
  readonly items: readonly LatentItem[];
  /** Where sampling may change the items. */
  readonly noiseMask: MaskBatch | null;
  /** For sound instead of pictures: its length; 0 otherwise. */
  readonly seconds: number;
  /** Frames to drop from the start when decoding, as video nodes ask for. */
  readonly trim: number;
}

export interface LatentItem {
  /** Null for an empty latent. */
  readonly picture: Picture | null;
  /** The place in its first batch, which decides its noise. */
  readonly index: number;
  /** Noise that earlier sampling left, 0..1. */
  readonly noise: number;
}

/** Noise levels of a run, from high to low; `full` is the level at which nothing of a picture is left. */
export interface SigmasValue {
  readonly type: 'SIGMAS';
  readonly values: readonly number[];
  readonly full: number;
}

export interface NoiseValue {
  readonly type: 'NOISE';
  /** Null: no noise is added. */
  readonly seed: bigint | null;
}

export interface SamplerValue {
  readonly type: 'SAMPLER';
  readonly name: string;
}

export interface GuiderValue {
  readonly type: 'GUIDER';
  readonly model: ModelValue;
  readonly positive: ConditioningValue;
  readonly negative: ConditioningValue | null;
  readonly cfg: number;
}

export interface VisionOutputValue {
  readonly type: 'CLIP_VISION_OUTPUT';
  readonly image: ImageBatch;
}

export interface HooksValue {
  readonly type: 'HOOKS';
  readonly loras: readonly LoraUse[];
}

export interface LatentOperationValue {
  readonly type: 'LATENT_OPERATION';
  readonly note: string;
  readonly apply: (latent: LatentValue) => LatentValue;
}

export interface AudioValue {
  readonly type: 'AUDIO';
  readonly sampleRate: number;
  /** Per item of the batch, per channel, samples in -1..1. */
  readonly clips: readonly (readonly Float32Array[])[];
  /** Made by a rehearsed model, and to be marked as such. */
  readonly isRehearsed: boolean;
}

export interface VideoValue {
  readonly type: 'VIDEO';
  readonly images: ImageBatch;
  readonly fps: number;
}

/** A value that is only passed on. */
export interface Token<K extends string> {
  readonly type: K;
}

export interface LinkValues {
  IMAGE: ImageBatch;
  MASK: MaskBatch;
  MODEL: ModelValue;
  CLIP: ClipValue;
  CONDITIONING: ConditioningValue;
  LATENT: LatentValue;
  SIGMAS: SigmasValue;
  NOISE: NoiseValue;
  SAMPLER: SamplerValue;
  GUIDER: GuiderValue;
  CLIP_VISION_OUTPUT: VisionOutputValue;
  HOOKS: HooksValue;
  LATENT_OPERATION: LatentOperationValue;
  AUDIO: AudioValue;
  VIDEO: VideoValue;
  VAE: NamedFile<'VAE'>;
  CLIP_VISION: NamedFile<'CLIP_VISION'>;
  STYLE_MODEL: NamedFile<'STYLE_MODEL'>;
  CONTROL_NET: NamedFile<'CONTROL_NET'>;
  UPSCALE_MODEL: NamedFile<'UPSCALE_MODEL'>;
  LATENT_UPSCALE_MODEL: NamedFile<'LATENT_UPSCALE_MODEL'>;
  MODEL_PATCH: NamedFile<'MODEL_PATCH'>;
  GLIGEN: NamedFile<'GLIGEN'>;
  PHOTOMAKER: NamedFile<'PHOTOMAKER'>;
  HOOK_KEYFRAMES: Token<'HOOK_KEYFRAMES'>;
  TIMESTEPS_RANGE: Token<'TIMESTEPS_RANGE'> & { readonly range: readonly [start: number, end: number] };
  WAN_CAMERA_EMBEDDING: Token<'WAN_CAMERA_EMBEDDING'>;
  TRACKS: Token<'TRACKS'>;
}
