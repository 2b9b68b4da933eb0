import { z } from 'zod';

/** What the sections of the schema are made of. */
export const MINUTE_MS = 60_000;
export const MIB = 1024 ** 2;

export const milliseconds = (defaultMs: number, description: string, leastMs = 1) =>
  z.int().min(leastMs).max(2_147_483_647).default(defaultMs).meta({ description });

export const count = (defaultCount: number, most: number, description: string) =>
  z.int().min(1).max(most).default(defaultCount).meta({ description });

export const bytes = (defaultBytes: number, description: string) =>
  z.int().min(1).default(defaultBytes).meta({ description });

/** Every section is optional, and its defaults are filled in also when it is absent. */
export const section = <T extends z.core.$ZodShape>(shape: T) => z.strictObject(shape).prefault({} as never);

export const secretText = (description: string) => z.string().min(1).meta({ description, secret: true });

export const pem = (description: string) => z.string().min(1).optional().meta({ description });
