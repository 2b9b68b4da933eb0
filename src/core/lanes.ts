/** The two lanes of the queue. Rows bear the number, people read the name. */
export type Lane = 'interactive' | 'batch';

export function laneNumber(lane: Lane | undefined): 0 | 1 {
  return lane === 'batch' ? 1 : 0;
}

export function laneName(number: number): Lane {
  return number === 1 ? 'batch' : 'interactive';
}
