/** What executes graphs: the interface, and its adapters. */
export { ComfyUiBackend, type ComfyUiBackendOptions } from './comfyui.js';
export { EmbeddedBackend, type EmbeddedBackendOptions } from './embedded.js';
export * from './spec.js';
