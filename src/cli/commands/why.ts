import { explainWait } from '../../generations/index.js';
import { withDatabase } from '../open.js';
import { type Json, print, printJson } from '../print.js';
import type { CommandContext } from '../program.js';
import { printable } from '../terminal/style.js';

/** `easel why ID`: reads the database, beside a running Easel or without one. */
export async function whyCommand(context: CommandContext, options: Json, id: string): Promise<number> {
  const { io } = context;
  const why = await withDatabase(context, (db) => explainWait(db.kysely, id, null, io.clock.now()));
  if (options.json === true) return printJson(io, why);
  const backends = why.waiting?.backends ?? [];
  return print(io, [
    printable(why.summary),
    ...backends.map(({ backendId, can, detail }) => `  ${printable(`${backendId} (${can}): ${detail}`)}`),
  ]);
}
