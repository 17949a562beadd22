/**
 * Waits before the next attempt, the longer the more attempts have failed: a random time between 0 and
 * `base · 2^(failures - 1)` milliseconds, at most `cap`. Full jitter separates rivals that failed together
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 */
export const backoff = (failures: number, { base, cap }: { base: number; cap: number }): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(cap, base * 2 ** (failures - 1))))
