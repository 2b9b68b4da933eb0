/** One thing that `easel doctor` looked at. */
export interface CheckResult {
  readonly name: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** What to do about it; for `warn` and `fail`. */
  readonly hint?: string;
}

export const ok = (name: string, message: string): CheckResult => ({ name, status: 'ok', message });
export const warn = (name: string, message: string, hint: string): CheckResult => ({
  name,
  status: 'warn',
  message,
  hint,
});
export const fail = (name: string, message: string, hint: string): CheckResult => ({
  name,
  status: 'fail',
  message,
  hint,
});
