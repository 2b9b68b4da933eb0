import { type Generation, type Generations, generationJson } from '../../generations/index.js';

/** A generation on the wire; while it waits, with its place. Not for lists: it costs a look at the queue each. */
export async function generationAnswer(
  generations: Pick<Generations, 'position'>,
  generation: Generation,
): Promise<object> {
  const json = generationJson(generation);
  if (generation.status !== 'queued') return json;
  const place = await generations.position(generation.id, generation.accountId);
  return place === null ? json : { ...json, queue: { position: place.position, eta_ms: place.etaMs } };
}
