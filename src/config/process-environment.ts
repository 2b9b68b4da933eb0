/**
 * The environment of this process, for the one thing besides settings that needs it: the command line asks it what the
 * terminal can do. Everything else takes settings. In a file of its own, so that a command can start without the schema.
 */
export function processEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}
