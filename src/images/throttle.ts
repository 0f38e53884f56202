/** Thins out progress: a bar needs some ten steps a second, not one a packet. */
import type { Progress } from './image-types.ts';

const interval = 100;

/** Reports `current` of `total` under `status` for `id`, at most every 100 ms, and when it is complete. */
export function meter(
  progress: Progress,
  id: string,
  status: string,
  total: number,
): (current: number) => void {
  let last = 0;
  return (current) => {
    const now = Date.now();
    if (now - last < interval && current < total) return;
    last = now;
    // Clients of strict types take whole numbers only.
    progress({ id, status, current: Math.floor(current), total });
  };
}
