import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** One command of a document, to be run by a test so that the document cannot lie. */
export interface DocumentedCommand {
  /** As written, without the prompt sign and with its continuation lines joined. */
  readonly command: string;
  readonly line: number;
}

/** The commands in the `sh` blocks of a document that begin with `program`. Other lines (comments, output) are left out. */
export function documentedCommands(path: string, program: string): DocumentedCommand[] {
  const commands: DocumentedCommand[] = [];
  let isShell = false;
  let open: { command: string; line: number } | null = null;
  for (const [index, text] of readFileSync(join(root, path), 'utf8').split('\n').entries()) {
    if (text.startsWith('```')) {
      isShell = !isShell && /^```sh\b/.test(text);
      open = null;
      continue;
    }
    if (!isShell) continue;
    const continues = text.endsWith('\\');
    const part = (continues ? text.slice(0, -1) : text).trim();
    if (open !== null) open.command = `${open.command} ${part}`;
    else if (part === program || part.startsWith(`${program} `)) {
      open = { command: part, line: index + 1 };
      commands.push(open);
    }
    if (!continues) open = null;
  }
  return commands;
}
