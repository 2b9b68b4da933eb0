import type { ComfyDeployClient, Deployment } from '../../comfydeploy/index.js';
import { BackendError } from '../../core/errors.js';
import { stringifyLossless } from '../../core/json.js';
import { parseWorkflowText } from '../../graph/index.js';
import { contentHash } from '../hash.js';
import { nameOfFile } from '../names.js';
import type { SourceContent, SourceItem, WorkflowSource } from './types.js';

export interface ComfyDeploySourceOptions {
  readonly id: string;
  /** How long what it said counts as fresh. */
  readonly refreshMs: number;
  readonly client: Pick<ComfyDeployClient, 'displayUrl' | 'deployments' | 'workflowVersion' | 'close'>;
  /** The backend that runs the deployments. */
  readonly backendId: string;
}

/**
 * The deployments of a ComfyDeploy, those of one name together. What a workflow takes is read from the version that is
 * deployed for production, or else the one that was deployed last; all of its deployments may run it.
 */
export class ComfyDeploySource implements WorkflowSource {
  readonly id: string;
  readonly kind = 'comfydeploy';
  readonly place: string;
  readonly refreshMs: number;
  readonly #client: ComfyDeploySourceOptions['client'];
  readonly #backendId: string;

  constructor(options: ComfyDeploySourceOptions) {
    this.id = options.id;
    this.place = options.client.displayUrl;
    this.refreshMs = options.refreshMs;
    this.#client = options.client;
    this.#backendId = options.backendId;
  }

  async *load(signal: AbortSignal): AsyncGenerator<SourceItem, void> {
    const groups = new Map<string, Deployment[]>();
    for (const deployment of await this.#client.deployments({ signal })) {
      // Without a name it can only be asked for by its id.
      const name = deployment.workflow?.name || deployment.id;
      groups.set(name, [...(groups.get(name) ?? []), deployment]);
    }
    for (const [name, deployments] of groups) yield this.#item(name, deployments, signal);
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  #item(name: string, deployments: readonly Deployment[], signal: AbortSignal): SourceItem {
    const [first] = [...deployments].sort(byImportance);
    const ids = deployments.map(({ id }) => id).sort();
    // A version never changes, so its id stands for the graph.
    const revision = contentHash([first?.workflow_version_id ?? null, first?.description ?? null, ids]);
    return {
      key: name,
      name: nameOfFile(`${name}.json`),
      revision,
      read: () => this.#read(name, first, ids, signal),
    };
  }

  async #read(
    name: string,
    first: Deployment | undefined,
    ids: readonly string[],
    signal: AbortSignal,
  ): Promise<SourceContent> {
    const versionId = first?.workflow_version_id ?? null;
    const version = versionId === null ? null : await this.#client.workflowVersion(versionId, { signal });
    const graph = version?.workflow_api ?? version?.workflow ?? null;
    if (graph === null) {
      throw new BackendError('backend_protocol', `ComfyDeploy does not give out the graph of "${name}".`);
    }
    return {
      file: parseWorkflowText(stringifyLossless(graph), { sourceName: `The workflow "${name}"` }),
      manifest: {
        title: name,
        ...(first?.description ? { description: first.description } : {}),
        // It gives values to marked nodes alone, and ignores all others without a word.
        discover: 'marked',
      },
      deployments: ids.map((deploymentId) => ({ deploymentId, backendId: this.#backendId })),
    };
  }
}

/** Production first, then what changed last; ids decide between equals, so that every pass chooses the same. */
function byImportance(a: Deployment, b: Deployment): number {
  const production = Number(b.environment === 'production') - Number(a.environment === 'production');
  return production || (b.updated_at ?? 0) - (a.updated_at ?? 0) || (a.id < b.id ? -1 : 1);
}
