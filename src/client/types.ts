import type { components } from './api-types.js';

type Schemas = components['schemas'];

/** As the API shows it. */
export type Generation = Schemas['Generation'];
export type Output = Schemas['Output'];

/** A file that was uploaded, as the value of an input. */
export interface MediaInput {
  readonly media_id: string;
}

/** What happens to a generation. `progress` and `preview` come without a number and are not repeated. */
export interface GenerationEvent {
  readonly generation_id: string;
  readonly type:
    | 'queued'
    | 'started'
    | 'retrying'
    | 'cancel_requested'
    | 'collecting'
    | 'succeeded'
    | 'failed'
    | 'cancelled'
    | 'expired'
    | 'progress'
    | 'preview'
    | 'warning';
  readonly seq?: number;
  readonly at: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * Workflows by name with the inputs that they take. `easel types` writes one for your workflows; with it a wrong name or
 * input is a compile error.
 */
export type WorkflowTypes = Record<string, { readonly inputs: object }>;

/** Any workflow, any inputs: what is checked is what the server checks. */
export type AnyWorkflows = Record<string, { readonly inputs: Readonly<Record<string, unknown>> }>;
