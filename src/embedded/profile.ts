import type { JsonValue } from '../core/json.js';

/**
 * What differs between the ComfyUI releases that the engine can play (comfyui.md 7). A real fleet mixes releases, so the
 * differences are data here and not conditions all over the engine.
 */
export type EngineVersion = '0.3.64' | '0.8.0';

export interface EngineProfile {
  readonly version: EngineVersion;
  readonly frontendVersion: string;
  readonly templatesVersion: string;
  /** `system_stats.system.os`. */
  readonly osName: (platform: NodeJS.Platform) => string;
  /** Values of combos declared as `["COMBO", {options}]` are checked at submit time. */
  readonly checksComboSpecs: boolean;
  /** `extra_data` gets `create_time`, and credentials are taken out of it. */
  readonly keepsJobRecords: boolean;
  /** `/api/jobs`, and `/global_subgraphs`. */
  readonly hasJobs: boolean;
  /** History lists UI data of every cached node of the prompt, or only of nodes that the run visited. */
  readonly historyOutputs: 'all-cached' | 'visited';
  readonly corsMethods: string;
  /** `/features`, without `max_upload_size`. */
  readonly features: Readonly<Record<string, JsonValue>>;
  /** `/models`. */
  readonly modelFolders: readonly string[];
  /** Last touch on the UI data of a node class: which ones say `animated`. */
  readonly adjustUi: (classType: string, ui: UiData) => UiData;
}

export type UiData = Readonly<Record<string, readonly JsonValue[]>>;

const MODEL_FOLDERS_BEFORE_LATENT_UPSCALE = [
  'checkpoints',
  'configs',
  'loras',
  'vae',
  'text_encoders',
  'diffusion_models',
  'clip_vision',
  'style_models',
  'embeddings',
  'diffusers',
  'vae_approx',
  'controlnet',
  'gligen',
  'upscale_models',
];
const MODEL_FOLDERS_AFTER = [
  'custom_nodes',
  'hypernetworks',
  'photomaker',
  'classifiers',
  'model_patches',
  'audio_encoders',
];

const ANIMATION_SAVERS = new Set(['SaveAnimatedWEBP', 'SaveAnimatedPNG']);
const STILL: readonly JsonValue[] = [false];

function isStill(ui: UiData): boolean {
  return ui['animated'] === undefined || ui['animated'].every((value) => value === false);
}

function without(ui: UiData, key: string): UiData {
  return Object.fromEntries(Object.entries(ui).filter(([name]) => name !== key));
}

const PROFILES: Readonly<Record<EngineVersion, EngineProfile>> = {
  '0.3.64': {
    version: '0.3.64',
    frontendVersion: '1.27.10',
    templatesVersion: '0.1.95',
    osName: (platform) => (platform === 'win32' ? 'nt' : 'posix'),
    checksComboSpecs: false,
    keepsJobRecords: false,
    hasJobs: false,
    historyOutputs: 'all-cached',
    corsMethods: 'POST, GET, DELETE, PUT, OPTIONS',
    features: { supports_preview_metadata: true },
    modelFolders: [...MODEL_FOLDERS_BEFORE_LATENT_UPSCALE, ...MODEL_FOLDERS_AFTER],
    adjustUi: (classType, ui) => {
      if (ANIMATION_SAVERS.has(classType)) return ui['animated'] === undefined ? { ...ui, animated: STILL } : ui;
      return classType === 'MaskPreview' && isStill(ui) ? without(ui, 'animated') : ui;
    },
  },
  '0.8.0': {
    version: '0.8.0',
    frontendVersion: '1.35.9',
    templatesVersion: '0.7.67',
    osName: (platform) => platform,
    checksComboSpecs: true,
    keepsJobRecords: true,
    hasJobs: true,
    historyOutputs: 'visited',
    corsMethods: 'POST, GET, DELETE, PUT, OPTIONS, PATCH',
    features: { supports_preview_metadata: true, extension: { manager: { supports_v4: true } } },
    modelFolders: [...MODEL_FOLDERS_BEFORE_LATENT_UPSCALE, 'latent_upscale_models', ...MODEL_FOLDERS_AFTER],
    adjustUi: (classType, ui) => {
      if (classType === 'MaskPreview' && ui['animated'] === undefined) return { ...ui, animated: STILL };
      return ANIMATION_SAVERS.has(classType) && isStill(ui) ? without(ui, 'animated') : ui;
    },
  },
};

export function engineProfile(version: EngineVersion): EngineProfile {
  return PROFILES[version];
}
