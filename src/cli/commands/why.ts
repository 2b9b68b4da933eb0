import { stringifyLossless } from '../../core/json.js';
import { silentLogger } from '../../core/log.js';
import { migrate, openDatabase } from '../../db/index.js';
import { explainWait } from '../../generations/index.js';
import { loadCliConfig } from '../configuration.js';
import type { CommandContext } from '../program.js';
import { printable } from '../terminal/style.js';

/** `easel why ID`: reads the database, beside a running Easel or without one. */
export async function whyCommand(
  { io, globals }: CommandContext,
  options: { readonly json?: boolean },
  id: string,
): Promise<number> {
  const { config } = await loadCliConfig(io, globals);
  const db = await openDatabase({ url: config.databaseUrl, logger: silentLogger, clock: io.clock, poolSize: 2 });
  try {
    await migrate(db);
    const why = await explainWait(db.kysely, id, null, io.clock.now());
    if (options.json === true) {
      io.stdout.write(`${stringifyLossless(why as never, 2)}\n`);
      return 0;
    }
    const lines = [printable(why.summary)];
    for (const { backendId, can, detail } of why.waiting?.backends ?? [])
      lines.push(`  ${printable(`${backendId} (${can}): ${detail}`)}`);
    io.stdout.write(`${lines.join('\n')}\n`);
    return 0;
  } finally {
    await db.close();
  }
}
