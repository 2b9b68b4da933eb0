import { z } from 'zod';
import { section } from './fields.js';

const factor = (description: string) =>
  z
    .number()
    .min(0.01)
    .max(100)
    .optional()
    .meta({ description: `${description} 1 unless given.` });

/** What dispatch should know of a backend. */
export const backendTraits = {
  speed: factor('Sampling speed, relative to a common backend: 2 takes half the time.'),
  loadSpeed: factor('Speed of loading models, likewise.'),
  weight: factor('Above 1 it is preferred among idle backends, below 1 it is a last resort.'),
  vramGb: z
    .number()
    .positive()
    .optional()
    .meta({ description: 'Video memory in GiB. Unless given, what the backend says of its largest device.' }),
  tags: z
    .array(z.string().min(1).max(63))
    .optional()
    .meta({ description: 'Words that a request can ask for with `needs.tags`, and a workflow with `requires.tags`.' }),
};

export const dispatchSection = section({
  unservable: z.enum(['wait', 'fail']).default('wait').meta({
    description:
      'A generation that no backend has the nodes, models, tags or memory for: `wait` for one until its queue deadline (followers are warned), or `fail` it.',
  }),
  weights: z.record(z.string().min(1), z.number().min(0.01).max(1000)).default({}).meta({
    description: 'Shares by account id, while accounts compete: one of weight 2 is given twice as much as one of 1.',
  }),
});
