/** The fake's time: real at first, can be set and sped up. */
export interface FakeClock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Lets time go on from here. */
  set(ms: number): void;
  /** Lets time run so many times as fast as it really does; 0 stops it. */
  speed(factor: number): void;
}

/** Creates a clock that shows the real time. */
export function createClock(): FakeClock {
  let realOrigin = Date.now();
  let origin = realOrigin;
  let factor = 1;
  const now = () => origin + (Date.now() - realOrigin) * factor;
  const restart = (at: number) => {
    origin = at;
    realOrigin = Date.now();
  };
  return {
    now: () => Math.floor(now()),
    set: restart,
    speed(newFactor) {
      restart(now());
      factor = newFactor;
    },
  };
}
