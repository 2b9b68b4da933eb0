// What the scripts share. Node built-ins only: this runs before anything is installed.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** A failure that is explained by its message alone; the stack would only hide it. */
export class ScriptError extends Error {}

/** Runs a command in the root of the project and resolves with its exit code. It ends with us, however we are ended. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const { onSpawn, ...spawnOptions } = options;
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...spawnOptions });
    // The terminal sends Ctrl-C to the child as well: passing it on would look like a second, impatient one.
    const ignore = () => {};
    const forward = (signal) => child.kill(signal);
    process.on('SIGINT', ignore);
    process.on('SIGTERM', forward);
    const release = () => {
      process.off('SIGINT', ignore);
      process.off('SIGTERM', forward);
    };
    onSpawn?.(child);
    child.on('error', (error) => {
      release();
      reject(error);
    });
    child.on('close', (code, signal) => {
      release();
      resolve(code ?? (signal === 'SIGINT' ? 130 : 1));
    });
  });
}

/** Runs one of our own Node programs; throws when it fails. */
export async function runNode(args, options = {}) {
  const code = await run(process.execPath, args, options);
  if (code !== 0) throw new ScriptError(`node ${args.join(' ')} ended with exit code ${code}.`);
}

/** The end of a script: prints what went wrong, briefly when it explains itself, and sets the exit code. */
export async function main(task) {
  try {
    process.exitCode = (await task()) ?? 0;
  } catch (error) {
    process.stderr.write(`\n${error instanceof ScriptError ? error.message : (error?.stack ?? error)}\n`);
    process.exitCode = 1;
  }
}
