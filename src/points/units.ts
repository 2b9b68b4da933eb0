import { EaselError } from '../core/errors.js';

/** Amounts are whole micro-points: 1 point is 1,000,000. Money is never a fraction of a double. */
export const MICRO_PER_POINT = 1_000_000;

/** 1.1 billion points. Three balances of this size still add up below 2^53. */
export const MAX_AMOUNT = 2 ** 50;

/** Checks an amount that is to move. Throws `request_invalid`. */
export function checkAmount(amount: number, field = 'amount'): number {
  if (!Number.isSafeInteger(amount) || amount <= 0 || amount > MAX_AMOUNT) {
    throw new EaselError('request_invalid', `${field} must be a whole number of micro-points above 0, at most 2^50.`, {
      details: { field },
    });
  }
  return amount;
}

/** Points as people write them ("2", "0.05") to micro-points. Throws `request_invalid`. */
export function parsePoints(text: string, field = 'amount'): number {
  const match = /^(-?)(\d{1,10})(?:\.(\d{1,6}))?$/.exec(text.trim());
  if (match === null) {
    throw new EaselError('request_invalid', `${field}: "${text}" is not a number of points.`, {
      hint: 'Write for example 25 or 0.5; at most six decimals.',
      details: { field },
    });
  }
  const [, sign, whole = '0', fraction = ''] = match;
  const micro = Number(whole) * MICRO_PER_POINT + Number(fraction.padEnd(6, '0'));
  return sign === '-' ? -micro : micro;
}

/** Points of a setting (a decimal number) to the nearest micro-point. */
export function toMicro(points: number): number {
  return Math.round(points * MICRO_PER_POINT);
}

/** `1.5`, `-0.000001`, `20`. Exact. */
export function formatPoints(micro: number): string {
  const absolute = Math.abs(micro);
  const fraction = String(absolute % MICRO_PER_POINT)
    .padStart(6, '0')
    .replace(/0+$/, '');
  const whole = Math.floor(absolute / MICRO_PER_POINT);
  return `${micro < 0 ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}
