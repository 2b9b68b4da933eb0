import { z } from 'zod';
import { type Faults, faultPlanSchema } from './faults.js';
import { json } from './http-answer.js';
import { type Route, readBody } from './http-router.js';

/** The part of the engine that the control route drives. */
interface Controlled {
  readonly faults: Faults;
  dropSockets(): void;
  losePrompt(promptId: string): boolean;
  restart(options?: { readonly downMs?: number }): Promise<void>;
}

const commandSchema = z.strictObject({
  /** Ends all faults before the new ones are set. */
  clear: z.boolean().optional(),
  set: faultPlanSchema.optional(),
  dropSockets: z.boolean().optional(),
  losePrompt: z.string().optional(),
  restart: z.strictObject({ downMs: z.number().nonnegative().default(0) }).optional(),
});

/**
 * `GET /easel/faults` tells the plan, `POST` carries out a command as above. For engines in another process; exists only
 * when the engine was told so. An answer to `restart` is sent before the engine goes down.
 */
export function controlRoutes(engine: Controlled): Route[] {
  return [
    { method: 'GET', pattern: '/easel/faults', handler: () => json({ plan: engine.faults.plan }), isLiteral: true },
    {
      method: 'POST',
      pattern: '/easel/faults',
      isLiteral: true,
      handler: async (request) => {
        const command = commandSchema.safeParse(JSON.parse((await readBody(request)).toString('utf8')));
        if (!command.success) return json({ error: z.prettifyError(command.error) }, 400);
        const { clear, set, dropSockets, losePrompt, restart } = command.data;
        if (clear) engine.faults.clear();
        if (set) engine.faults.set(set);
        if (dropSockets) engine.dropSockets();
        const isLost = losePrompt === undefined ? undefined : engine.losePrompt(losePrompt);
        if (restart) request.raw.socket.once('close', () => void engine.restart(restart));
        const answer = json({ plan: engine.faults.plan, ...(isLost === undefined ? {} : { isLost }) });
        return restart ? { ...answer, headers: { ...answer.headers, connection: 'close' } } : answer;
      },
    },
  ];
}
