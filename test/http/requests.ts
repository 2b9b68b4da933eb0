import type { InjectOptions } from 'fastify';
import { newId } from '../../src/core/ids.js';
import { GRAPH } from '../generations/harness.js';
import type { WholeServer } from './whole.js';

/** One declared route of the API, as the tests that go over all of them need it. */
export interface DeclaredRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly operationId: string;
  readonly scopes: readonly string[];
  readonly isStream: boolean;
}

/** All routes that say what they are; those of the reference page (files) do not. */
export function declaredRoutes(server: WholeServer): DeclaredRoute[] {
  return server.routes.flatMap(({ method, url, config }) => {
    const { facts } = config;
    if (facts === undefined || method === 'HEAD') return [];
    return [
      {
        method: method as DeclaredRoute['method'],
        url,
        operationId: facts.operationId,
        scopes: [facts.scope].flat(),
        isStream: facts.isStream ?? false,
      },
    ];
  });
}

/** Bodies that the routes take, by operation; those that need none are absent. */
function bodyOf(operationId: string): object | undefined {
  const bodies: Readonly<Record<string, object>> = {
    submitGraph: { graph: GRAPH },
    addWorkflow: { name: `w-${newId()}`, graph: GRAPH },
    setWorkflowLabel: { version: 'latest' },
    changeDeployment: { weight: 1 },
    updateMedia: { pinned: true },
    createKey: { name: 'other' },
    createWebhook: { url: 'https://example.com/hook', events: ['generation.succeeded'] },
    updateWebhook: { enabled: false },
    updateSession: { locale: 'de' },
    redeemLinkCode: { code: 'AAAA-BBBB' },
    claimSession: { account_id: 'ann' },
    grantPoints: { account_id: 'somebody', amount: 1, reason: 'test' },
    addBackend: { id: `b-${newId()}`, kind: 'comfyui', url: 'http://127.0.0.1:9' },
    storeMedia: { data_url: 'data:text/plain;base64,aGVsbG8=' },
    callMcp: { jsonrpc: '2.0', id: 1, method: 'ping' },
  };
  return bodies[operationId];
}

/** Values for the parameters of a path; what is not given is of the right shape and names nothing. */
function pathOf(url: string, given: Readonly<Record<string, string>> = {}): string {
  const fallback: Readonly<Record<string, string>> = { id: newId(), ordinal: '0', code: 'not_found', version: '1' };
  const path = url.replace(/:([a-z]+)/gi, (_, name: string) =>
    encodeURIComponent(given[name] ?? fallback[name] ?? 'none'),
  );
  return url.endsWith('/diff') ? `${path}?from=1&to=1` : path;
}

export function requestOf(
  { method, url, operationId }: DeclaredRoute,
  headers: Readonly<Record<string, string>>,
  parameters: Readonly<Record<string, string>> = {},
): InjectOptions {
  const payload = bodyOf(operationId);
  return { method, url: pathOf(url, parameters), headers, ...(payload === undefined ? {} : { payload }) };
}
