import { z } from 'zod';
import { GraphError, StorageError } from '../../core/errors.js';
import { isJsonObject, type JsonValue, parseLossless } from '../../core/json.js';
import { type MongoCollection, readMongoCollection } from '../../db/index.js';
import { parseWorkflowText } from '../../graph/index.js';
import { contentHash } from '../hash.js';
import { nameOfFile, normalType } from '../names.js';
import type { SourceContent, SourceItem, WorkflowSource } from './types.js';

export interface MongoSourceOptions {
  readonly id: string;
  readonly refreshMs: number;
  readonly url: string;
  readonly database?: string;
  /** `workflows` unless told. */
  readonly collection?: string;
  /** The ComfyDeploy backend that runs its deployments; any unless told. */
  readonly backendId?: string;
  /** For tests: the driver. */
  readonly load?: MongoCollection['load'];
}

/** A flow was asked for by its name, which is therefore the type as well. `layout` is a graph in UI format, as a text. */
const flowSchema = z.looseObject({
  name: z.string().min(1),
  ids: z.array(z.string().min(1)).default([]),
  layout: z.string(),
});

/**
 * The collection of the service that came before: one document with `flows`, read whole each time, which is what notices
 * every kind of change on every server; standalone servers have no change streams. Nothing is ever written to it.
 */
export class MongoSource implements WorkflowSource {
  readonly id: string;
  readonly kind = 'mongodb';
  readonly place: string;
  readonly refreshMs: number;
  readonly #options: MongoSourceOptions;

  constructor(options: MongoSourceOptions) {
    this.id = options.id;
    this.refreshMs = options.refreshMs;
    this.place = [options.database, options.collection ?? 'workflows'].filter((part) => part !== undefined).join('.');
    this.#options = options;
  }

  async *load(signal: AbortSignal): AsyncGenerator<SourceItem, void> {
    const { url, database, collection = 'workflows', load } = this.#options;
    const place: MongoCollection = {
      ...{ url, collection, signal },
      ...(database === undefined ? {} : { database }),
      ...(load === undefined ? {} : { load }),
    };
    // Read to the end before anything is taken in: half a document list must not make the other half look gone.
    const documents: JsonValue[] = [];
    for await (const line of readMongoCollection(place)) documents.push(parseLossless(line));
    // A collection that is not there reads as an empty one: a slip in a name must not turn every workflow off.
    if (documents.length === 0) {
      throw new StorageError('database_unavailable', `The collection ${this.place} has no documents.`, {
        hint: 'Check `database` and `collection` of this source.',
      });
    }
    for (const [at, document] of documents.entries()) {
      const flows = isJsonObject(document) ? document['flows'] : undefined;
      if (Array.isArray(flows)) yield* flows.map((flow, index) => this.#item(flow, `flows[${index}]`));
      else {
        const fault = new GraphError(
          'file_not_a_workflow',
          `Document ${at + 1} of ${this.place} has no list of flows.`,
        );
        yield { key: `document ${at + 1}`, name: '', revision: '', read: () => Promise.reject(fault) };
      }
    }
  }

  #item(flow: JsonValue, place: string): SourceItem {
    const told = isJsonObject(flow) && typeof flow['name'] === 'string' ? flow['name'] : '';
    const key = told === '' ? place : told;
    return {
      key,
      name: told === '' ? '' : nameOfFile(`${told}.json`),
      revision: contentHash(flow),
      read: async () => this.#read(flow, key),
    };
  }

  #read(value: JsonValue, key: string): SourceContent {
    const parsed = flowSchema.safeParse(value);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const where = issue?.path.join('.') || 'the flow';
      throw new GraphError(
        'file_not_a_workflow',
        `In the flow "${key}", ${where} is not as expected: ${issue?.message}.`,
      );
    }
    const { name, ids, layout } = parsed.data;
    const type = normalType(name);
    return {
      file: parseWorkflowText(layout, { sourceName: `The layout of the flow "${key}"` }),
      manifest: { title: name, ...(type === null ? {} : { type }) },
      deployments: [...new Set(ids)].map((deploymentId) => ({
        deploymentId,
        backendId: this.#options.backendId ?? null,
      })),
    };
  }
}
