import type { DefinitionSource } from '../backends/index.js';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/log.js';
import type { Easel } from '../easel.js';
import type { BackendHealths } from './backends/healths.js';
import type { Closing } from './closing.js';

/** What the HTTP API needs of Easel; a test may give the parts without the whole. */
export type EaselServices = Pick<
  Easel,
  'config' | 'backends' | 'generations' | 'workflows' | 'submitWorkflow' | 'media'
> & {
  /** Routes of what is absent do not exist. */
  readonly keys?: Easel['keys'];
  readonly fleet?: Easel['fleet'];
  readonly webhooks?: Easel['webhooks'];
  readonly points?: Easel['points'];
  readonly sessions?: Easel['sessions'];
  readonly metrics?: Easel['metrics'];
  readonly tracing?: Easel['tracing'];
  readonly runReports?: Easel['runReports'];
  /** Unless given, every account may have everything. */
  readonly perksOf?: Easel['perksOf'];
};

/** Handed to every group of routes. */
export interface HttpContext {
  readonly fleet: Easel['fleet'] | null;
  readonly generations: EaselServices['generations'];
  readonly backends: EaselServices['backends'];
  readonly workflows: EaselServices['workflows'];
  readonly submitWorkflow: EaselServices['submitWorkflow'];
  readonly media: EaselServices['media'];
  readonly perksOf: Easel['perksOf'];
  /** Readers are sent to the store, where it can be read from elsewhere. */
  readonly redirectToStore: boolean;
  readonly definitions: DefinitionSource;
  readonly healths: BackendHealths;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly closing: Closing;
  readonly maxUploadBytes: number;
}
