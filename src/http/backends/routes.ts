import type { FastifyPluginAsync } from 'fastify';
import { EaselError } from '../../core/errors.js';
import { errorJson, wireTime, wireTimeOrNull } from '../../core/wire.js';
import type { BackendInfo } from '../../generations/index.js';
import type { HttpContext } from '../context.js';
import { requestInvalid } from '../problem.js';
import { check } from '../validate.js';
import { addBody, addRoute, drainRoute, getRoute, listRoute, removeQuery, removeRoute, resumeRoute } from './facts.js';
import type { BackendLook } from './healths.js';

interface IdParams {
  readonly id: string;
}

/** Backends: how they are as this node sees them now, and what the fleet knows and wants of them. */
export const backendRoutes =
  ({ healths, fleet }: HttpContext): FastifyPluginAsync =>
  async (app) => {
    app.get('/v1/backends', listRoute, async () => {
      const [looks, infos] = await Promise.all([healths.look(), fleet?.list() ?? []]);
      // Those that this process has come first, in the order of its configuration.
      const own = looks.map((look) => backendJson(infos.find(({ id }) => id === look.backend.id) ?? null, look));
      const others = infos.filter(({ id }) => !looks.some((look) => look.backend.id === id));
      return { data: [...own, ...others.map((info) => backendJson(info, null))] };
    });
    if (fleet === null) return;

    const answer = async (info: BackendInfo, isAdmin: boolean): Promise<object> => {
      const look = (await healths.look()).find(({ backend }) => backend.id === info.id) ?? null;
      return { ...backendJson(info, look), settings: isAdmin ? info.settings : null };
    };

    app.get<{ Params: IdParams }>('/v1/backends/:id', getRoute, async (request) =>
      answer(await fleet.get(request.params.id), request.caller.scopes.has('backends:admin')),
    );

    app.post('/v1/backends', addRoute, async (request, reply) => {
      const settings = check(addBody, request.body, 'body');
      try {
        const info = await fleet.add(settings);
        return reply
          .code(201)
          .header('location', `/v1/backends/${encodeURIComponent(info.id)}`)
          .send(await answer(info, true));
      } catch (thrown) {
        // Here it is the request that is at fault, and not the configuration of this server.
        if (thrown instanceof EaselError && thrown.code === 'config_invalid') throw requestInvalid(thrown.message);
        throw thrown;
      }
    });

    for (const [name, facts] of [
      ['drain', drainRoute],
      ['resume', resumeRoute],
    ] as const) {
      app.post<{ Params: IdParams }>(`/v1/backends/:id/${name}`, facts, async (request) =>
        answer(await fleet[name](request.params.id), true),
      );
    }

    app.delete<{ Params: IdParams }>('/v1/backends/:id', removeRoute, async (request, reply) => {
      const { force } = check(removeQuery, request.query, 'query');
      const left = await fleet.remove(request.params.id, { force: force === true });
      if (left === null) return reply.code(204).send();
      return reply.code(202).send(await answer(left, true));
    });
  };

/** A look that found something wrong is newer than what the owner has told; a look that did not, knows less. */
function backendJson(info: BackendInfo | null, look: BackendLook | null): object {
  const health = look?.health ?? null;
  const isWell = health === null || health.state === 'ready';
  const error = isWell ? (info?.error ?? null) : (health.error ?? null);
  const desired = info?.desired ?? 'active';
  const told = info !== null && info.owner !== null ? info.state : (health?.state ?? 'booting');
  return {
    id: info?.id ?? look?.backend.id,
    kind: info?.kind ?? look?.backend.kind,
    url: info?.url ?? look?.backend.displayUrl,
    origin: info?.origin ?? 'config',
    desired,
    state: desired === 'active' ? (isWell ? told : health.state) : 'draining',
    owner: info?.owner ?? null,
    circuit: info?.circuit ?? 'closed',
    retry_at: wireTimeOrNull(info?.retryAt ?? null),
    version: health?.version ?? info?.version ?? null,
    vram_bytes: info?.vramBytes ?? health?.vramBytes ?? null,
    open_attempts: info?.openAttempts ?? 0,
    queue_remaining: health?.queueRemaining ?? null,
    latency_ms: health?.latencyMs ?? null,
    checked_at: health === null ? null : wireTime(health.checkedAt),
    error: error === null ? null : errorJson(error),
    settings: null,
  };
}
