import type { FastifyInstance } from 'fastify';
import type { Clock, Timer } from '../core/clock.js';
import type { Closing } from './closing.js';

export interface ShutdownOptions {
  readonly closing: Closing;
  readonly clock: Clock;
  /** How long requests under way may go on once closing has begun. */
  readonly graceMs: number;
}

const LOOK_MS = 50;

/**
 * Makes `app.close()` quick. Node closes idle keep-alive connections once, when closing begins; one that had a request
 * under way at that moment stays open until its keep-alive time is over, which is more than a minute, and a connection that
 * never sent a request (browsers open them in advance) counts as busy. So: look again and again, hang up on all as soon as
 * nothing is under way, and in any case after the grace.
 */
export function useShutdown(app: FastifyInstance, { closing, clock, graceMs }: ShutdownOptions): void {
  const { server } = app;
  let underWay = 0;
  let timer: Timer | null = null;
  server.on('request', (_request, response) => {
    underWay += 1;
    response.once('close', () => {
      underWay -= 1;
    });
  });

  app.addHook('preClose', async () => {
    closing.begin();
    const hangUpAt = clock.now() + graceMs;
    const look = (): void => {
      if (underWay === 0 || clock.now() >= hangUpAt) server.closeAllConnections();
      else server.closeIdleConnections();
      timer = clock.setTimer(look, LOOK_MS);
    };
    timer = clock.setTimer(look, LOOK_MS);
  });
  // Hooks of this kind run when the last connection is gone.
  app.addHook('onClose', async () => timer?.cancel());
}
