import { NodeException } from './node.js';

/**
 * A failure that a real server reports as a Python exception. `type` is the qualified Python name, for example
 * `KeyError` or `torch.OutOfMemoryError`.
 */
export class PythonError extends Error {
  constructor(
    readonly type: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /**
   * Traceback lines in the shape that clients parse and show. They name the step of the engine, and no path of this
   * machine: a real path would leak into other people's logs.
   */
  traceback(...functions: readonly string[]): string[] {
    return functions.map((name) => `  File "embedded/engine", line 1, in ${name}\n    ${this.type} raised here\n`);
  }
}

/** `dict[key]` on a key that is not there. */
export function keyError(key: string): PythonError {
  return new PythonError('KeyError', key);
}

const JAVASCRIPT_TYPES: Readonly<Record<string, string>> = {
  TypeError: 'TypeError',
  RangeError: 'ValueError',
  ReferenceError: 'NameError',
};

/** Anything thrown by a node, as a Python exception. */
export function toPythonError(thrown: unknown): PythonError {
  if (thrown instanceof PythonError) return thrown;
  if (thrown instanceof NodeException) return new PythonError(thrown.exceptionType, thrown.message, { cause: thrown });
  if (!(thrown instanceof Error)) return new PythonError('Exception', String(thrown));
  const code = (thrown as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return new PythonError('FileNotFoundError', thrown.message, { cause: thrown });
  if (typeof code === 'string' && code.startsWith('E'))
    return new PythonError('OSError', thrown.message, { cause: thrown });
  return new PythonError(JAVASCRIPT_TYPES[thrown.name] ?? 'RuntimeError', thrown.message, { cause: thrown });
}

export function isOutOfMemory(error: PythonError): boolean {
  return error.type.endsWith('OutOfMemoryError');
}
