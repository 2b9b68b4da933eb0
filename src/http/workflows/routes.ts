import type { FastifyPluginAsync } from 'fastify';
import { BackendError } from '../../core/errors.js';
import { definedOnly } from '../../core/objects.js';
import { errorJson } from '../../core/wire.js';
import { type LoadedWorkflow, type UiWorkflow, validateGraph } from '../../graph/index.js';
import { inputsSchema } from '../../workflows/index.js';
import type { HttpContext } from '../context.js';
import { requestInvalid } from '../problem.js';
import { check } from '../validate.js';
import {
  addRoute,
  availabilityRoute,
  diffRoute,
  disableRoute,
  enableRoute,
  getRoute,
  listRoute,
  removeLabelRoute,
  removeRoute,
  rollbackRoute,
  schemaRoute,
  setLabelRoute,
  versionRoute,
  versionsRoute,
} from './facts.js';
import {
  availabilityJson,
  describedJson,
  diffJson,
  summaryJson,
  versionJson,
  workflowJson,
  workflowUrl,
} from './json.js';
import { addWorkflowBody, diffQuery, labelBody, listWorkflowsQuery, noBody, versionQuery } from './schemas.js';

interface NameParams {
  readonly name: string;
}
interface LabelParams extends NameParams {
  readonly label: string;
}

const DEFAULT_PAGE = 50;

/** Workflows: adding them, looking at them, and moving their labels. */
export const workflowRoutes =
  ({ workflows, backends, definitions }: HttpContext): FastifyPluginAsync =>
  async (app) => {
    app.get('/v1/workflows', listRoute, async (request, reply) => {
      const { limit = DEFAULT_PAGE, ...filter } = check(listWorkflowsQuery, request.query, 'query');
      // One more than asked for tells whether there is a next page.
      const found = await workflows.list({ ...definedOnly(filter), limit: limit + 1 });
      const page = found.slice(0, limit);
      const nextAfter = found.length > limit ? (page.at(-1)?.name ?? null) : null;
      if (nextAfter !== null) {
        const query = new URLSearchParams({ after: nextAfter, limit: String(limit) });
        if (filter.type !== undefined) query.set('type', filter.type);
        if (filter.enabled !== undefined) query.set('enabled', String(filter.enabled));
        reply.header('link', `</v1/workflows?${query}>; rel="next"`);
      }
      return { data: page.map(workflowJson), next_after: nextAfter };
    });

    app.post('/v1/workflows', addRoute, async (request, reply) => {
      if (request.body === undefined) {
        throw requestInvalid('The body is empty.', [], 'Send JSON with a name and a workflow or a graph.');
      }
      const { graph, workflow, ...rest } = check(addWorkflowBody, request.body, 'body');
      if (rest.name === undefined && typeof rest.manifest?.['name'] !== 'string') {
        const detail = 'The workflow needs a name.';
        throw requestInvalid(detail, [{ detail, pointer: '#/name' }]);
      }
      const file: LoadedWorkflow =
        graph === undefined
          ? { format: 'ui', workflow: workflow as UiWorkflow }
          : { format: 'api', graph: validateGraph(graph), ...(workflow === undefined ? {} : { workflow }) };
      const added = await workflows.add({ file, ...definedOnly(rest) });
      const warnings = added.warnings.map(({ code, message, nodeId }) => ({ code, message, node_id: nodeId }));
      return reply
        .code(added.isNew ? 201 : 200)
        .header('location', workflowUrl(added.workflow.name))
        .send({
          ...describedJson(added.workflow, added.version),
          is_new: added.isNew,
          ...(warnings.length === 0 ? {} : { warnings }),
        });
    });

    app.get<{ Params: NameParams }>('/v1/workflows/:name', getRoute, async (request) => {
      const { version: reference } = check(versionQuery, request.query, 'query');
      const workflow = await workflows.get(request.params.name);
      return describedJson(workflow, await workflows.version(workflow.name, reference));
    });

    app.delete<{ Params: NameParams }>('/v1/workflows/:name', removeRoute, async (request, reply) => {
      await workflows.remove(request.params.name);
      return reply.code(204).send();
    });

    app.get<{ Params: NameParams }>('/v1/workflows/:name/schema', schemaRoute, async (request, reply) => {
      const { version: reference } = check(versionQuery, request.query, 'query');
      const version = await workflows.version(request.params.name, reference);
      return reply.type('application/schema+json').send(inputsSchema(version));
    });

    app.get<{ Params: NameParams }>('/v1/workflows/:name/versions', versionsRoute, async (request) => {
      const found = await workflows.versions(request.params.name);
      return { data: found.map(summaryJson) };
    });

    app.get<{ Params: NameParams & { readonly version: string } }>(
      '/v1/workflows/:name/versions/:version',
      versionRoute,
      async (request) => {
        return versionJson(await workflows.version(request.params.name, request.params.version));
      },
    );

    app.get<{ Params: NameParams }>('/v1/workflows/:name/diff', diffRoute, async (request) => {
      const { from, to } = check(diffQuery, request.query, 'query');
      return diffJson(await workflows.diff(request.params.name, from, to));
    });

    app.get<{ Params: NameParams }>('/v1/workflows/:name/availability', availabilityRoute, async (request) => {
      const { version: reference } = check(versionQuery, request.query, 'query');
      const { name } = await workflows.get(request.params.name);
      const data = backends.map(async ({ id }) => {
        try {
          const available = await workflows.check(name, await definitions({ backendId: id }), reference);
          return { backend_id: id, ...availabilityJson(available) };
        } catch (error) {
          // Of one backend among several: told beside what the others say. A fault of the request is everybody's.
          if (!(error instanceof BackendError)) throw error;
          return { backend_id: id, ok: null, error: errorJson(error.toInfo()) };
        }
      });
      return { data: await Promise.all(data) };
    });

    app.put<{ Params: LabelParams }>('/v1/workflows/:name/labels/:label', setLabelRoute, async (request) => {
      const { version } = check(labelBody, request.body, 'body');
      return workflows.labels.set(request.params.name, request.params.label, version);
    });

    app.post<{ Params: LabelParams }>('/v1/workflows/:name/labels/:label/rollback', rollbackRoute, async (request) => {
      check(noBody, request.body, 'body');
      return workflows.labels.rollback(request.params.name, request.params.label);
    });

    app.delete<{ Params: LabelParams }>(
      '/v1/workflows/:name/labels/:label',
      removeLabelRoute,
      async (request, reply) => {
        await workflows.labels.remove(request.params.name, request.params.label);
        return reply.code(204).send();
      },
    );

    for (const [action, enabled, facts] of [
      ['enable', true, enableRoute],
      ['disable', false, disableRoute],
    ] as const) {
      app.post<{ Params: NameParams }>(`/v1/workflows/:name/${action}`, facts, async (request) => {
        check(noBody, request.body, 'body');
        return workflowJson(await workflows.setEnabled(request.params.name, enabled));
      });
    }
  };
