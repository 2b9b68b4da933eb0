import type { CommandContext } from '../program.js';
import { styleFor } from '../terminal/style.js';
import type { Page } from './text.js';

export function pageOf({ io, globals }: CommandContext): Page {
  return {
    style: styleFor(io.stdout, io.environment, globals.color),
    columns: io.stdout.isTTY === true ? (io.stdout.columns ?? 80) : 160,
  };
}
